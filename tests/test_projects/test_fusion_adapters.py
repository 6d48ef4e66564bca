"""The three fusion methods from outside, as the benchmark loads them."""
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from mmfusenas.apis.fusion_methods import checked_image, fusion_method, own_code
from mmfusenas.core.errors import UserError

FOLDER = Path(__file__).resolve().parents[2] / 'projects/fusion_adapters'


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the two files that the project's script writes."""
    pytest.importorskip('onnxruntime')
    folder = tmp_path_factory.mktemp('files')
    run = subprocess.run([sys.executable, str(FOLDER / 'make_files.py'), str(folder)], capture_output=True, text=True,
                         env=dict(os.environ), check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return folder


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Images whose sides are multiples of nothing."""
    random = np.random.default_rng(0)
    return (cv2.GaussianBlur(random.integers(0, 256, (75, 101, 3), np.uint8), (0, 0), 1),
            cv2.GaussianBlur(random.integers(0, 256, (75, 101), np.uint8), (0, 0), 2))


@pytest.fixture
def load(files: Path) -> Callable[[str], Callable]:
    """Load one of the three by the text that the README gives."""
    texts = dict(
        gff=f'gff:{FOLDER}/guided_filter.py:GuidedFilterFusion',
        weighing=f'weighing:{FOLDER}/torch_network.py:WeighingFusion:{files}/weighing.pth',
        two_scale=f'two_scale:{FOLDER}/onnx_network.py:PaddedOnnxFusion:{files}/two_scale.onnx')
    return lambda name: fusion_method(texts[name])[1]


def module(name: str) -> ModuleType:
    own_code(FOLDER / f'{name}.py', dict(guided_filter='GuidedFilterFusion', torch_network='WeighingNet')[name])
    return sys.modules[f'fusion_method_{name}']


@pytest.mark.parametrize('name', ['gff', 'weighing', 'two_scale'])
def test_each_keeps_the_contract(load: Callable, pair: tuple, name: str) -> None:
    visible, infrared = pair
    before = visible.copy(), infrared.copy()
    method = load(name)
    image = checked_image(method(visible, infrared), visible, name)
    assert image.shape == infrared.shape and image.std() > 5
    assert all(np.array_equal(*both) for both in zip(before, pair))
    grey = cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY)  # of two equal images it gives that image
    assert np.abs(method(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), grey).astype(int) - grey).max() <= 1


def test_the_guided_filter_is_linear_in_each_window() -> None:
    # Against the definition: a and b of every window by its own pixels, and their means over the windows of a pixel.
    code, random = module('guided_filter'), np.random.default_rng(0)
    mask, guide = random.random((2, 24, 26))
    radius, eps = 3, 0.01
    slopes, offsets = np.zeros_like(mask), np.zeros_like(mask)
    padded = [np.pad(x, radius, mode='reflect') for x in (mask, guide)]
    for row, column in np.ndindex(mask.shape):
        p, i = (x[row:row + 7, column:column + 7] for x in padded)
        slopes[row, column] = ((p * i).mean() - p.mean() * i.mean()) / (i.var() + eps)
        offsets[row, column] = p.mean() - slopes[row, column] * i.mean()
    a, b = (np.pad(x, radius, mode='reflect') for x in (slopes, offsets))
    expected = np.array([[a[r:r + 7, c:c + 7].mean() * guide[r, c] + b[r:r + 7, c:c + 7].mean()
                          for c in range(mask.shape[1])] for r in range(mask.shape[0])])
    assert code.guided(mask, guide, radius, eps) == pytest.approx(expected, abs=1e-9)


def test_the_guided_filter_takes_detail_from_where_it_is(load: Callable) -> None:
    # Texture is left in the visible image and right in the infrared one; both halves keep theirs.
    stripes = np.where(np.arange(160) // 4 % 2, 150, 90).astype(np.uint8)[None].repeat(120, 0)
    flat = np.full_like(stripes, 120)
    left, right = flat.copy(), flat.copy()
    left[:, :80], right[:, 80:] = stripes[:, :80], stripes[:, 80:]
    fused = load('gff')(np.repeat(left[..., None], 3, 2), right).astype(int)
    for part in (np.s_[:, 24:56], np.s_[:, 104:136]):
        assert np.abs(fused[part] - stripes[part]).max() < 8
        average = (left[part].astype(int) + right[part]) // 2
        assert np.abs(average - stripes[part]).max() == 15


def test_the_network_weighs_by_local_contrast(load: Callable, pair: tuple, tmp_path: Path) -> None:
    visible, infrared = pair
    luma, other = visible @ [0.114, 0.587, 0.299], infrared.astype(float)
    contrast = [np.abs(x - cv2.blur(x, (5, 5), borderType=cv2.BORDER_REFLECT_101)) / 255 for x in (luma, other)]
    weight = 1 / (1 + np.exp(-40 * (contrast[0] - contrast[1])))
    expected = weight * luma + (1 - weight) * other
    assert np.abs(load('weighing')(visible, infrared) - expected).max() <= 0.51


def test_its_weights_are_data(tmp_path: Path, trap: object) -> None:
    text = f'a:{FOLDER}/torch_network.py:WeighingFusion:{tmp_path}/bad.pth'
    torch.save(dict(state_dict=trap), tmp_path / 'bad.pth')
    with pytest.raises(UserError, match='bad.pth'):
        fusion_method(text)
    assert not (tmp_path / 'trap').exists()
    state = module('torch_network').local_contrast_weights()
    torch.save(dict(state_dict={name: value for name, value in state.items() if name != 'weight.weight'}),
               tmp_path / 'bad.pth')
    with pytest.raises(RuntimeError, match='weight.weight'):
        fusion_method(text)


def test_the_onnx_file_needs_its_adapter(load: Callable, files: Path, pair: tuple) -> None:
    visible, infrared = pair
    with pytest.raises(UserError, match='(?s)fails on an image of 101 x 75.*pad in a class of your own'):
        fusion_method(f'plain:{files}/two_scale.onnx')[1](visible, infrared)
    fused = load('two_scale')(visible, infrared).astype(int)
    sources = np.stack([cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY), infrared]).astype(float)
    padded = np.pad(sources, ((0, 0), (0, 5), (0, 11)), mode='symmetric')
    means = padded.reshape(2, 5, 16, 7, 16).mean((2, 4))
    # Half-pixel centres, the last mean going on at the border, as cv2.resize has it.
    base = np.stack([cv2.resize(mean, (112, 80), interpolation=cv2.INTER_LINEAR) for mean in means])
    detail = padded - base
    expected = base.mean(0) + np.where(np.abs(detail[0]) >= np.abs(detail[1]), *detail)
    near = np.abs(np.abs(detail[0]) - np.abs(detail[1])) > 0.01  # a tie may go either way
    assert np.abs(fused - np.clip(expected, 0, 255)[:75, :101])[near[:75, :101]].max() <= 0.51
