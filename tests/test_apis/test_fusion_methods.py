"""Fusion methods by name: what each form of a name makes, and what is said where it makes none."""
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmfusenas.apis import FusionInferencer, load_model
from mmfusenas.apis.exporting import export_onnx
from mmfusenas.apis.fusion_methods import FusedFolder, checked_image, fusion_method, with_chroma
from mmfusenas.core.errors import UserError

CODE = """
import numpy as np

class Half:
    def __init__(self, weights=None):
        self.share = 0.5 if weights is None else float(open(weights).read())

    def __call__(self, visible, infrared):
        return np.rint(visible * (1 - self.share) + infrared[..., None] * self.share).astype(np.uint8)

class Silent:
    pass

class Broken:
    def __init__(self, weights=None):
        self.weights = weights and open(weights)

    def __call__(self, visible, infrared):
        return visible.nothing
"""


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return (cv2.GaussianBlur(random.integers(0, 256, (45, 63, 3), np.uint8), (0, 0), 1),
            cv2.GaussianBlur(random.integers(0, 256, (45, 63), np.uint8), (0, 0), 2))


def test_rules(pair: tuple) -> None:
    visible, infrared = pair
    assert np.array_equal(fusion_method('visible')[1](*pair), visible)
    assert np.array_equal(fusion_method('infrared')[1](*pair), np.repeat(infrared[..., None], 3, 2))
    luma = visible @ [0.114, 0.587, 0.299]
    expected = np.clip(np.rint(visible + ((infrared - luma) / 2)[..., None]), 0, 255)
    assert np.abs(fusion_method('average')[1](*pair) - expected).max() <= 1


def test_a_network_by_name_and_by_checkpoint(pair: tuple, tmp_path: Path, root: Path) -> None:
    expected = FusionInferencer('tim-light')(*pair)['image']
    assert np.array_equal(fusion_method('tim-light')[1](*pair), expected)
    file = root / 'mmfusenas/weights/tim-light.pth'
    for text, name in ((str(file), 'tim-light'), (f'mine:{file}', 'mine')):
        found, fuse = fusion_method(text)
        assert found == name and np.array_equal(fuse(*pair), expected)


def test_of_a_detector_the_scene_module_fuses(pair: tuple) -> None:
    pytest.importorskip('mmdet')
    fused = fusion_method('tim-retinanet-msrs', 'cpu')[1](*pair)
    detector = FusionInferencer('tim-retinanet-msrs', device='cpu')
    assert np.array_equal(fused, detector(*pair)['image'])


def test_a_folder(tmp_path: Path) -> None:
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    name, method = fusion_method(f'mine:{tmp_path}')
    assert name == 'mine' and isinstance(method, FusedFolder) and np.array_equal(method.read('a'), image)
    with pytest.raises(UserError, match="no fused image of 'b'; it has 1 images"):
        method.read('b')


def test_own_code(pair: tuple, tmp_path: Path) -> None:
    (tmp_path / 'own.py').write_text(CODE)
    (tmp_path / 'share.txt').write_text('1')
    visible, infrared = pair
    assert np.array_equal(fusion_method(f'a:{tmp_path}/own.py:Half')[1](*pair),
                          np.rint((visible + infrared[..., None].astype(float)) / 2).astype(np.uint8))
    weighted = fusion_method(f'a:{tmp_path}/own.py:Half:{tmp_path}/share.txt')[1]
    assert np.array_equal(weighted(*pair), np.repeat(infrared[..., None], 3, 2))
    for name, message in (('Haft', "'Haft'; the nearest is 'Half'.*It has Half, Silent, Broken"),
                          ('Silent', 'cannot be called')):
        with pytest.raises(UserError, match=message):
            fusion_method(f'a:{tmp_path}/own.py:{name}')
    with pytest.raises(UserError, match='It has Half, Silent, Broken'):
        fusion_method(f'a:{tmp_path}/own.py')


def test_an_error_of_own_code_is_shown_from_that_code_on(
        pair: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path('own.py').write_text(CODE)
    with pytest.raises(UserError) as caught:
        fusion_method('a:own.py:Broken')[1](*pair)
    lines = str(caught.value).splitlines()
    assert lines[0] == ('Broken of own.py fails on a visible image of shape (45, 63, 3) and an infrared one of (45, '
                        '63), both uint8:')
    assert 'own.py", line 19, in __call__' in lines[1] and lines[2].strip() == 'return visible.nothing'
    assert lines[-1].startswith('AttributeError: ')
    Path('cut.py').write_text('class Half:\n    def')
    (tmp_path / 'folder').mkdir()
    for text, message in (('a:own.py:Broken:folder', r"^Broken\('folder'\) of own.py fails:\n.*IsADirectoryError"),
                          ('a:cut.py:Half', '^cut.py cannot be run:\n.*line 2.*SyntaxError')):
        with pytest.raises(UserError, match=f'(?s){message}'):
            fusion_method(text)


@pytest.mark.parametrize(('text', 'message'), [
    ('avrage', "no fusion method 'avrage'; the nearest is 'average'. Rules: visible, .* tim-light.*NAME:FILE.onnx"),
    ('a:none.onnx', 'none.onnx does not exist'),
    (':here', 'is none of NAME:FOLDER'),
    ('a:here.onnx:Class', 'is none of NAME:FOLDER'),
    ('a:here.txt', 'is none of NAME:FOLDER'),
    ('dcnas-depth-x8', 'takes'),
])
def test_what_is_no_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'here.txt').touch()
    with pytest.raises(UserError, match=message):
        fusion_method(text)


@pytest.fixture
def onnx(tmp_path: Path) -> Callable[..., str]:
    """Write a module as an ONNX file of inputs with these channels; return the method's text."""
    pytest.importorskip('onnxruntime')

    def write(module: nn.Module, *channels: int, names: tuple[str, ...] = ('a', 'b')) -> str:
        names, file = names[:len(channels)], tmp_path / 'net.onnx'
        inputs = tuple(torch.rand(1, number, 32, 48) for number in channels)
        torch.onnx.export(module, inputs, str(file), input_names=list(names), output_names=['out'], opset_version=17,
                          dynamic_axes={name: {2: 'h', 3: 'w'} for name in (*names, 'out')}, dynamo=False)
        return f'net:{file}'

    return write


class Named(nn.Module):
    """A fusion by a function."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *images: Tensor) -> Tensor:
        return self.function(*images)


def test_the_onnx_file_of_a_network_is_the_network(pair: tuple, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    export_onnx(load_model('tim-light'), tmp_path / 'light.onnx', (64, 96), dynamic=True)
    fused = fusion_method(f'light:{tmp_path}/light.onnx')[1](*pair).astype(int)
    own = FusionInferencer('tim-light')(*pair)['image']
    assert np.abs(fused - own).max() <= 1 and (fused != own).mean() < 1e-3


@pytest.mark.parametrize(('function', 'channels', 'names', 'expected'), [
    (lambda a, b: a + 0 * b, (3, 1), ('a', 'b'), 'visible'),
    (lambda a, b: 0 * a + b, (3, 1), ('a', 'b'), 'infrared'),
    (lambda a, b: 0 * a + b, (1, 3), ('a', 'b'), 'infrared'),
    (lambda b, a: a + 0 * b, (1, 3), ('infrared', 'visible'), 'visible'),
    (lambda a: a[:, :3], (4,), ('a',), 'visible'),
    (lambda a: a[:, :1], (2,), ('a',), 'visible'),  # luma out: the visible chroma comes back
    (lambda a: a[:, 1:].repeat(1, 3, 1, 1), (2,), ('a',), 'infrared'),
    (lambda a, b: (a + 0 * b), (1, 1), ('a', 'b'), 'visible'),
])
def test_onnx_inputs(onnx: Callable, pair: tuple, function: Callable, channels: tuple, names: tuple,
                     expected: str) -> None:
    fused = fusion_method(onnx(Named(function), *channels, names=names))[1](*pair)
    assert np.array_equal(fused, fusion_method(expected)[1](*pair))


@pytest.mark.parametrize(('function', 'channels', 'message'), [
    (lambda a: a[:, :1], (5,), 'has inputs of'),
    (lambda a, b: (a - b)[:, :, ::2], (1, 1), 'as high and wide'),
    (lambda a, b: a / (b * 0), (1, 1), 'not finite'),
])
def test_onnx_files_that_do_not_fuse(onnx: Callable, pair: tuple, function: Callable, channels: tuple,
                                     message: str) -> None:
    with pytest.raises(UserError, match=message):
        fusion_method(onnx(Named(function), *channels))[1](*pair)


def test_a_damaged_onnx_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    (tmp_path / 'bad.onnx').write_bytes(b'no graph')
    with pytest.raises(UserError, match='bad.onnx is no ONNX file'):
        fusion_method(f'a:{tmp_path}/bad.onnx')


def test_what_is_no_image_is_named(pair: tuple) -> None:
    visible, infrared = pair
    assert checked_image(infrared, visible, 'a') is infrared
    with pytest.raises(TypeError, match='float64 values'):
        checked_image(visible / 2, visible, 'a')
    with pytest.raises(ValueError, match=r'a gives an image of the shape \(44, 63, 3\)'):
        checked_image(visible[1:], visible, 'a')


def test_a_fused_luma_gets_the_visible_chroma(pair: tuple) -> None:
    visible = pair[0] // 2 + 64
    luma = np.rint(visible @ [0.114, 0.587, 0.299]).astype(np.uint8)
    assert np.abs(with_chroma(luma, visible).astype(int) - visible).max() <= 1
    moved = with_chroma(luma + 20, visible).astype(int) - visible
    assert (np.abs(moved - 20) <= 1).all()
    assert with_chroma(visible, visible) is visible
