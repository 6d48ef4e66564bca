"""The fusion methods from outside, as the benchmark loads them.

The three published networks are tested with small stand-ins for the authors' repositories and, where ``FUSION_CLONES``
names a folder with clones of these, with the authors' code.
"""
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from mmfusenas.apis.fusion_methods import checked_image, fusion_method, own_code
from mmfusenas.core.errors import UserError

FOLDER = Path(__file__).resolve().parents[2] / 'projects/fusion_adapters'
PUBLISHED = f'{FOLDER}/published_networks.py'
SIZES = (61, 83), (120, 97)

# Stand-ins for the repositories: files, classes and arguments have the authors' names, the networks are small.
STAND_INS = {
    'SeAFusion/FusionNet.py': """
import torch
from torch import nn
from parts.blocks import GAIN

class FusionNet(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.conv = nn.Conv2d(2, output, 3, padding=1)

    def forward(self, image_vis, image_ir):
        return 0.75 + 0.2 * (GAIN * self.conv(torch.cat([image_vis[:, :1], image_ir], 1))).tanh()
""",
    'SeAFusion/parts/blocks.py': 'GAIN = 1.5\n',
    'MMIF-CDDFuse/net.py': """
import torch
from torch import nn

class Restormer_Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, image):
        x = self.conv(image)
        return x[:, :2], x[:, 2:].abs(), x

class Restormer_Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, image, base, detail):
        x = self.conv(torch.cat([base, detail], 1))
        return (x + image).sigmoid(), x

class BaseFeatureExtraction(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        assert (dim, num_heads) == (64, 8)
        self.conv = nn.Conv2d(2, 2, 1)

    def forward(self, x):
        return self.conv(x)

class DetailFeatureExtraction(BaseFeatureExtraction):
    def __init__(self, num_layers=3):
        assert num_layers == 1
        super().__init__(64, 8)
""",
    'TarDAL/module/fuse/generator.py': """
import torch
from torch import nn

class Generator(nn.Module):
    def __init__(self, dim, depth):
        super().__init__()
        self.norm = nn.BatchNorm2d(2)
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, ir, vi):
        return self.conv(self.norm(torch.cat([ir, vi], 1))).tanh()
""",
}


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
    with pytest.raises(UserError, match='(?s)torch_network.py fails.*weight.weight'):
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


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The adapters of published networks."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module('published_networks')


def write_stand_ins(folder: Path) -> Path:
    """Write the stand-ins into a folder and return it."""
    for name, text in STAND_INS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def authors_clone(name: str) -> Path:
    """Return the clone of that name in the folder that ``FUSION_CLONES`` names."""
    folder = Path(os.environ.get('FUSION_CLONES', ''), name)
    if 'FUSION_CLONES' not in os.environ or not folder.is_dir():
        pytest.skip(f'no clone {name} (set FUSION_CLONES to a folder with clones of the repositories)')
    return folder


@pytest.fixture(params=['stand-in', 'authors'])
def clone(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Path]:
    """Give the folder of a clone by its name, without weights: a stand-in, or the authors' Python files."""
    if request.param == 'stand-in':
        return lambda name: write_stand_ins(tmp_path) / name

    def copied(name: str) -> Path:
        source = authors_clone(name)
        if name == 'MMIF-CDDFuse':
            pytest.importorskip('einops')
            pytest.importorskip('timm')
        shutil.copytree(source, tmp_path / name, ignore=lambda folder, names: [
            name for name in names if name == '.git' or Path(folder, name).is_file() and not name.endswith('.py')])
        return tmp_path / name
    return copied


def save(content: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def odd_pair(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(size[0])
    return (cv2.GaussianBlur(random.integers(0, 256, (*size, 3), np.uint8), (0, 0), 1),
            cv2.GaussianBlur(random.integers(0, 256, size, np.uint8), (0, 0), 2))


def tensor(image: np.ndarray) -> torch.Tensor:
    """An image H x W of 0 to 255 as a tensor 1 x 1 x H x W in [0, 1]."""
    return torch.from_numpy(image / 255).float()[None, None]


@torch.no_grad()
def test_seafusion_is_that_of_its_script(published: ModuleType, clone: Callable, randomise: Callable) -> None:
    # test.py: Y, Cr and Cb by its own formulas, RGB, clipped, stretched as one image of three channels, and cut.
    folder = clone('SeAFusion')
    torch.manual_seed(0)
    net = randomise(published.Clone(folder, '').module('FusionNet.py').FusionNet(output=1)).float()
    save(net.state_dict(), folder / 'model/Fusion/fusionmodel_final.pth')
    method = fusion_method(f'seafusion:{PUBLISHED}:SeAFusion:{folder}')[1]
    for visible, infrared in map(odd_pair, SIZES):
        blue, green, red = (visible / 255).transpose(2, 0, 1)
        y = 0.299 * red + 0.587 * green + 0.114 * blue
        cr, cb = (red - y) * 0.713 + 0.5, (blue - y) * 0.564 + 0.5
        ycrcb = torch.from_numpy(np.stack([y, cr, cb])).float()[None]
        fused = net(ycrcb, tensor(infrared))[0, 0].double().numpy()
        rgb = np.stack([fused + 1.403 * (cr - 0.5), fused - 0.714 * (cr - 0.5) - 0.344 * (cb - 0.5),
                        fused + 1.773 * (cb - 0.5)], -1).clip(0, 1)
        expected = 255 * (rgb - rgb.min()) / (rgb.max() - rgb.min())
        image = method(visible, infrared)
        assert image.shape == visible.shape and image.dtype == np.uint8 and (image.min(), image.max()) == (0, 255)
        cut = expected - image[..., ::-1]
        assert -1e-3 < cut.min() and cut.max() < 1 + 1e-3 and rgb.min() > 0


@torch.no_grad()
def test_cddfuse_is_that_of_its_script(published: ModuleType, clone: Callable) -> None:
    # test_IVF.py: rounded luma, four networks saved from nn.DataParallel, one channel, stretched; saving rounds.
    folder = clone('MMIF-CDDFuse')
    torch.manual_seed(0)
    code = published.Clone(folder, '').module('net.py')
    nets = dict(DIDF_Encoder=code.Restormer_Encoder(), DIDF_Decoder=code.Restormer_Decoder(),
                BaseFuseLayer=code.BaseFeatureExtraction(dim=64, num_heads=8),
                DetailFuseLayer=code.DetailFeatureExtraction(num_layers=1))
    save({name: nn.DataParallel(net).state_dict() for name, net in nets.items()}, folder / 'models/CDDFuse_IVF.pth')
    method = fusion_method(f'cddfuse:{PUBLISHED}:CDDFuse:{folder}')[1]
    encoder, decoder, base_layer, detail_layer = (net.eval() for net in nets.values())
    for visible, infrared in map(odd_pair, SIZES):
        luma = tensor(np.rint(cv2.cvtColor(visible.astype(np.float32), cv2.COLOR_BGR2GRAY)))
        base, detail, _ = encoder(luma)
        other_base, other_detail, _ = encoder(tensor(infrared))
        fused = decoder(luma, base_layer(base + other_base), detail_layer(detail + other_detail))[0][0, 0].numpy()
        image = method(visible, infrared)
        assert image.shape == infrared.shape and image.dtype == np.uint8
        expected = 255 * (fused - fused.min()) / (fused.max() - fused.min())
        assert np.abs(image - expected).max() < 0.502


@torch.no_grad()
@pytest.mark.parametrize('form', ['weights', 'of a training', 'use_eval: False'])
def test_tardal_is_that_of_its_script(published: ModuleType, clone: Callable, randomise: Callable, form: str) -> None:
    # infer.py: infrared first, a file says how it is normalised, no stretching, and negative values become 0.
    folder = clone('TarDAL')
    torch.manual_seed(0)
    net = randomise(published.Clone(folder, '').module('module/fuse/generator.py').Generator(dim=32, depth=3)).float()
    weight, bias = list(net.parameters())[-2:]
    weight *= 3
    net.train(form == 'use_eval: False')
    visible, infrared = odd_pair(SIZES[0])
    bias -= net(tensor(infrared), tensor(visible[..., 1])).median().atanh()  # half of the values are below 0
    save({'weights': net.state_dict(), 'of a training': dict(fuse=net.state_dict(), disc=dict(t={}, d={})),
          'use_eval: False': dict(net.state_dict(), use_eval=False)}[form], folder / 'weights/v1/tardal-dt.pth')
    method = fusion_method(f'tardal:{PUBLISHED}:TarDAL:{folder}')[1]
    for visible, infrared in map(odd_pair, SIZES):
        y = visible @ [0.114, 0.587, 0.299]
        fused = 255 * net(tensor(infrared), tensor(y))[0, 0].numpy()
        image = method(visible, infrared)
        assert image.shape == infrared.shape and image.dtype == np.uint8
        assert fused.min() < 0 < fused.max() and np.abs(image - fused.clip(0)).max() < 0.502


@pytest.mark.parametrize(('name', 'weights', 'kind'), [
    ('SeAFusion', 'model/Fusion/fusionmodel_final.pth', 'SeAFusion'),
    ('MMIF-CDDFuse', 'models/CDDFuse_IVF.pth', 'CDDFuse'),
    ('TarDAL', 'weights/v1/tardal-dt.pth', 'TarDAL')])
def test_the_authors_weights_load(name: str, weights: str, kind: str) -> None:
    folder = authors_clone(name)
    if not (folder / weights).is_file():
        pytest.skip(f'{folder} has no {weights}')
    visible, infrared = odd_pair(SIZES[0])
    image = checked_image(fusion_method(f'a:{PUBLISHED}:{kind}:{folder}')[1](visible, infrared), visible, name)
    assert image.std() > 5


def test_an_image_of_one_value_is_not_stretched(published: ModuleType) -> None:
    assert published.stretched(torch.full((1, 1, 3, 3), 0.4)).tolist() == torch.zeros(1, 1, 3, 3).tolist()


def test_clones_do_not_meet(published: ModuleType, tmp_path: Path) -> None:
    # Both have a file parts/blocks.py, in a folder without __init__.py.
    path, modules = list(sys.path), set(sys.modules)
    assert not {'parts', 'parts.blocks'} & modules
    first, second = (write_stand_ins(tmp_path / name) / 'SeAFusion' for name in 'ab')
    (second / 'parts/blocks.py').write_text('GAIN = 7\n')
    loaded = [published.Clone(folder, '').module('FusionNet.py', 'FusionNet') for folder in (first, second)]
    assert [module.GAIN for module in loaded] == [1.5, 7]
    assert sys.path == path and set(sys.modules) == modules
    (first / 'FusionNet.py').write_text('import parts.blocks\nimport no_such_package\n')
    with pytest.raises(UserError, match=r'FusionNet.py does not import \(.*no_such_package.*requirements.txt'):
        published.Clone(first, 'https://there').module('FusionNet.py')
    assert sys.path == path and set(sys.modules) == modules


def test_what_is_wrong_with_a_clone(published: ModuleType, tmp_path: Path, trap: object) -> None:
    folder = write_stand_ins(tmp_path) / 'SeAFusion'
    text, weights = f'a:{PUBLISHED}:SeAFusion:{folder}', folder / 'model/Fusion/fusionmodel_final.pth'

    def fails(text: str, message: str) -> None:
        with pytest.raises(UserError, match=message):
            fusion_method(text)

    fails(f'{text}/none', 'SeAFusion/none is no folder: .*git clone https://github.com/Linfeng-Tang/SeAFusion, and')
    fails(text, 'SeAFusion has no model/Fusion/fusionmodel_final.pth: .*git clone https://github.com/Linfeng-Tang')
    fails(f'a:{PUBLISHED}:TarDAL:{tmp_path}/TarDAL', 'TarDAL has no weights/v1/tardal-dt.pth: .*release v1.0.0 there')
    save({'conv.weight': torch.zeros(1, 2, 3, 3)}, weights)
    fails(text, r'fusionmodel_final.pth do not fit FusionNet: 1 missing in the file \(conv.bias\)')
    save({'conv.bias': trap}, weights)
    fails(text, 'fusionmodel_final.pth carries code')
    assert not (tmp_path / 'trap').exists()
    (folder / 'FusionNet.py').write_text('')
    fails(text, 'FusionNet.py has no FusionNet: take the file as https://github.com/Linfeng-Tang/SeAFusion has it')
    (folder / 'FusionNet.py').unlink()
    fails(text, 'SeAFusion has no FusionNet.py')
    save(dict(DIDF_Encoder={'conv.weight': torch.zeros(4, 1, 3, 3), 'conv.bias': torch.zeros(4)}),
         tmp_path / 'MMIF-CDDFuse/models/CDDFuse_IVF.pth')
    fails(f'a:{PUBLISHED}:CDDFuse:{tmp_path}/MMIF-CDDFuse', 'DIDF_Decoder of .*CDDFuse_IVF.pth holds no state dict')
