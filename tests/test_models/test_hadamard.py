"""The Hadamard restoration: sizes to the digit, the unit against a composition by hand, the terms of the loss."""
import copy
import json
import math
import re

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn import VGG, AlexNet
from torch import nn

from mmfusenas.models.cells.hadamard_unit import HadamardUnit
from mmfusenas.models.classifiers import QualityClassifier
from mmfusenas.models.classifiers.quality_classifier import POOR, degraded
from mmfusenas.models.losses import QualityLoss, RestorationLoss
from mmfusenas.models.losses.restoration_loss import TERMS
from mmfusenas.models.losses.restoration_terms import colour_angle, laplacian
from mmfusenas.models.restorers import HadamardNet
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.structures import FusionDataSample
from mmfusenas.utils.complexity import count_parameters

SIZES = dict(lol=527840, mit=454112, haze=520672, underwater=431968)
SHORT = dict(conv='c', dil='c', res='rc', res_dil='rc', dense='dense', skip='skip')


@pytest.mark.parametrize('name, size', SIZES.items())
def test_published_networks_have_the_published_sizes(name, size):
    assert count_parameters(HadamardNet(f'hadamard-{name}')) == size
    assert Genotype.load(f'hadamard-{name}').costs['parameters'] == size


def test_the_supernet_has_the_published_size():
    assert count_parameters(HadamardNet()) == 4366464


@pytest.mark.parametrize('name', SIZES)
def test_genotypes_are_the_published_architectures(shared, name):
    published = json.loads((shared / 'reference/hadamard/genotypes.json').read_text())[name]
    choices = Genotype.load(f'hadamard-{name}').choices

    def short(operator):
        kind, _, kernel = operator.rpartition('_') if 'x' in operator else (operator, '', '')
        text = f'{SHORT[kind]}_{kernel[0]}' if kernel else SHORT[kind]
        return text + 'd2' * ('dil' in kind)

    for part in ('encoder', 'decoder'):
        assert [choices[f'{part}.{i}'] for i in range(9)] == [short(operator) for operator in published[part]]
    for i, unit in enumerate(published['units']):
        slots = [f'units.{i}.{branch}.slots.{j}' for branch in ('restored', 'degradation') for j in range(4)]
        assert [choices[slot] for slot in slots] == [short(operator) for operator in unit]


# The published structure, written out from the description: its own layers, numbered slots, no part of the package.

class PublishedOperator(nn.Module):
    """One of the operators by its published name, without bias."""

    def __init__(self, name, channels, out=None):
        super().__init__()
        out = out or channels
        kind, _, kernel = name.rpartition('_')
        size = int(kernel[0]) if 'x' in kernel else 0
        self.kind = kind if size else name
        pad = size // 2
        if self.kind in ('conv', 'res'):
            self.conv = nn.Conv2d(channels, out, size, 1, pad, bias=False)
        elif self.kind in ('dil', 'res_dil'):
            self.conv = nn.Conv2d(channels, out, size, 1, 2 * pad, dilation=2, bias=False)
        elif self.kind == 'dense':
            self.conv = nn.Conv2d(channels, channels, size, 1, pad, bias=False)
            self.joint = nn.Conv2d(2 * channels, channels, size, 1, pad, bias=False)
        else:
            assert self.kind == 'skip'

    def forward(self, x):
        if self.kind == 'skip':
            return x
        if self.kind == 'dense':
            return self.joint(torch.cat([x, torch.relu(self.conv(x))], dim=1))
        return self.conv(x) + (x if self.kind.startswith('res') else 0)


class PublishedUnit(nn.Module):
    """Slots 0 to 3 give R, slots 4 to 7 give I; the output is R / max(sigmoid(I), 0.01)."""

    def __init__(self, names, channels=32):
        super().__init__()
        self.slots = nn.ModuleList(PublishedOperator(name, channels) for name in names)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels, affine=False) for _ in names)

    def forward(self, x):
        r = self.norms[0](self.slots[0](x))
        r = self.norms[1](self.slots[1](torch.relu(r)))
        r = self.norms[2](self.slots[2](torch.relu(r)))
        r = self.norms[3](self.slots[3](torch.relu(r)))
        r = torch.relu(x + r)
        i = self.norms[4](self.slots[4](x))
        i = self.norms[5](self.slots[5](torch.relu(i)))
        i = self.norms[6](self.slots[6](torch.relu(i)))
        i = self.norms[7](self.slots[7](torch.relu(i)))
        i = torch.relu(x + i)
        return r / torch.maximum(torch.sigmoid(i), torch.tensor(0.01))


class PublishedNet(nn.Module):
    """Encoder, seven units at a quarter of the size, decoder."""

    def __init__(self, encoder, units, decoder):
        super().__init__()
        widths = [(3, 16), *4 * [(16, 16)], *4 * [(32, 32)]]
        self.encoder = nn.ModuleList(PublishedOperator(name, *width) for name, width in zip(encoder, widths))
        self.down1 = nn.Conv2d(16, 32, 2, 2, bias=False)
        self.down2 = nn.Conv2d(32, 32, 2, 2, bias=False)
        self.units = nn.ModuleList(PublishedUnit(names) for names in units)
        self.up1 = nn.ConvTranspose2d(32, 32, 2, 2, bias=False)
        self.up2 = nn.ConvTranspose2d(32, 16, 2, 2, bias=False)
        widths = [*4 * [(32, 32)], *4 * [(16, 16)], (16, 3)]
        self.decoder = nn.ModuleList(PublishedOperator(name, *width) for name, width in zip(decoder, widths))

    def forward(self, x):
        e, d = self.encoder, self.decoder
        height, width = x.shape[-2:]
        down, right = (4 - height % 4) % 4, (4 - width % 4) % 4
        x = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2), mode='reflect')
        x = e[0](x)
        x = x + e[2](torch.relu(e[1](x)))
        x = x + e[4](torch.relu(e[3](x)))
        skip0 = self.down1(x)
        x = skip0 + e[6](torch.relu(e[5](skip0)))
        x = x + e[8](torch.relu(e[7](x)))
        skip1 = self.down2(x)
        x = skip1
        for unit in self.units:
            x = unit(x)
        x = self.up1(x + skip1)
        x = x + d[1](torch.relu(d[0](x)))
        x = x + d[3](torch.relu(d[2](x)))
        x = self.up2(x + skip0)
        x = x + d[5](torch.relu(d[4](x)))
        x = x + d[7](torch.relu(d[6](x)))
        x = d[8](x)
        return x[..., down // 2:down // 2 + height, right // 2:right // 2 + width]


PUBLISHED_NAMES = {'skip': 'skip', **{f'{short}_{k}': f'{name}_{k}x{k}' for short, name in (
    ('c', 'conv'), ('rc', 'res'), ('dense', 'dense')) for k in (1, 3, 5)}, 'c_3d2': 'dil_3x3', 'rc_3d2': 'res_dil_3x3'}


def published_net(name):
    """Return the published network of that name, its operators from the genotype, which is tested by itself."""
    choices = Genotype.load(f'hadamard-{name}').choices
    coder = {part: [PUBLISHED_NAMES[choices[f'{part}.{i}']] for i in range(9)] for part in ('encoder', 'decoder')}
    units = [[PUBLISHED_NAMES[choices[f'units.{i}.{branch}.slots.{j}']] for branch in ('restored', 'degradation')
              for j in range(4)] for i in range(7)]
    return PublishedNet(units=units, **coder)


def to_published(key):
    """Return where the published network keeps a tensor of ours."""
    key = re.sub(r'units\.(\d)\.(restored|degradation)\.(slots|norms)\.(\d)', lambda found: (
        f'units.{found[1]}.{found[3]}.{int(found[4]) + 4 * (found[2] == "degradation")}'), key)
    key = key.replace('down.0.', 'down1.').replace('down.1.', 'down2.')
    key = key.replace('up.0.', 'up1.').replace('up.1.', 'up2.')
    key = key.replace('.first.', '.conv.').replace('.second.', '.joint.')
    return re.sub(r'((?:coder|slots)\.\d)\.weight', r'\1.conv.weight', key)


@pytest.mark.parametrize('name', SIZES)
@pytest.mark.parametrize('size', [(16, 24), (17, 22)])
def test_a_network_with_published_weights_is_the_published_network(name, size):
    """Weights and statistics are copied from the structure written out above: features, output and gradient agree."""
    torch.manual_seed(0)
    published, ours = published_net(name).double(), HadamardNet(f'hadamard-{name}').double()
    with torch.no_grad():
        published(torch.rand(4, 3, 32, 32, dtype=torch.float64))  # statistics of their own
    weights = published.state_dict()
    assert {to_published(key) for key in ours.state_dict()} == set(weights)
    ours.load_state_dict({key: weights[to_published(key)] for key in ours.state_dict()})
    x = torch.rand(2, 3, *size, dtype=torch.float64)
    for training in (True, False):
        published.train(training), ours.train(training)
        first, second = x.clone().requires_grad_(), x.clone().requires_grad_()
        expected, found = published(first), ours(second)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
        for grads in zip(torch.autograd.grad(found.square().sum(), second),
                         torch.autograd.grad(expected.square().sum(), first)):
            torch.testing.assert_close(*grads, rtol=1e-8, atol=1e-8)
    features = torch.randn(2, 32, 6, 7, dtype=torch.float64)
    for i in range(7):
        torch.testing.assert_close(ours.units[i](features), published.units[i](features), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('name', SIZES)
def test_the_network_written_out_has_the_published_architecture_and_size(shared, name):
    content = json.loads((shared / 'reference/hadamard/genotypes.json').read_text())[name]
    net = PublishedNet(content['encoder'], content['units'], content['decoder'])
    assert {key: tuple(value.shape) for key, value in net.state_dict().items()} == {
        key: tuple(value.shape) for key, value in published_net(name).state_dict().items()}
    assert sum(p.numel() for p in net.parameters()) == content['parameters'] == SIZES[name]


def test_a_unit_is_its_equation():
    torch.manual_seed(0)
    unit = HadamardUnit(4, operators=('c_3',))
    SearchSpace(unit).select({f'{branch}.slots.{i}': 'c_3' for branch in ('restored', 'degradation') for i in range(4)})
    x = torch.randn(2, 4, 7, 9)

    def branch(module):
        out = x
        for i, slot in enumerate(module.slots):
            out = F.conv2d(F.relu(out) if i else out, slot.c_3.weight, padding=1)
            out = (out - out.mean((0, 2, 3), keepdim=True)) / (
                out.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        return out

    illumination = torch.sigmoid(F.relu(x + branch(unit.degradation)))
    assert 0.5 <= illumination.min() and illumination.max() < 1
    expected = F.relu(x + branch(unit.restored)) / illumination.clamp(min=0.01)
    torch.testing.assert_close(unit(x), expected, rtol=1e-4, atol=1e-5)


def test_the_network_is_its_composition():
    """Pairs, skips and the order of encoder, units and decoder, written once more by functions."""
    torch.manual_seed(0)
    net = HadamardNet('hadamard-lol').eval()
    x = torch.rand(1, 3, 16, 24)

    def pair(x, first, second):
        return x + second(F.relu(first(x)))

    e, d = net.encoder, net.decoder
    out = pair(pair(e[0](x), e[1], e[2]), e[3], e[4])
    skip0 = F.conv2d(out, net.down[0].weight, stride=2)
    skip1 = F.conv2d(pair(pair(skip0, e[5], e[6]), e[7], e[8]), net.down[1].weight, stride=2)
    out = skip1
    for unit in net.units:
        out = unit(out)
    out = F.conv_transpose2d(out + skip1, net.up[0].weight, stride=2)
    out = F.conv_transpose2d(pair(pair(out, d[0], d[1]), d[2], d[3]) + skip0, net.up[1].weight, stride=2)
    out = d[8](pair(pair(out, d[4], d[5]), d[6], d[7]))
    torch.testing.assert_close(net(x), out)
    assert not any(name.endswith('bias') for name, _ in net.named_parameters())


@pytest.mark.parametrize('size', [(3, 3), (13, 18), (16, 16), (15, 21)])
def test_any_size_comes_back_padded_evenly(size):
    net = HadamardNet('hadamard-lol').eval()
    x = torch.rand(1, 3, *size)
    height, width = (-side % 4 for side in size)
    top, left = height // 2, width // 2
    padded = F.pad(x, (left, width - left, top, height - top), mode='reflect')
    expected = net(padded)[..., top:top + size[0], left:left + size[1]]
    torch.testing.assert_close(net(x), expected)


def test_a_derived_network_is_the_supernet_with_that_choice():
    torch.manual_seed(0)
    net = HadamardNet(channels=4, num_units=2).eval()
    space = SearchSpace(net)
    genotype = Genotype(space.sample(torch.Generator().manual_seed(1)))
    x = torch.rand(1, 3, 17, 22)
    space.select(genotype.choices)
    derived = space.derive(genotype)
    torch.testing.assert_close(derived(x), net(x))
    again = HadamardNet(genotype.to_dict(), channels=4, num_units=2).eval()
    again.load_state_dict(derived.state_dict())
    torch.testing.assert_close(again(x), net(x))


# The loss

def images(size=(64, 64), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 2, 3, *size, generator=generator, dtype=torch.float64).unbind(0)


def single(term, **files):
    return RestorationLoss(dict(weights=dict(weights={term: 2.0}), **(dict(choices={
        f'layers.{i}': layer for i, layer in enumerate(('relu1_2', 'relu2_1', 'relu3_3', 'relu4_2'))}) if
        term == 'vgg' else {})), terms=(term,), **files)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('weights')
    torch.manual_seed(0)
    for name, network in (('vgg', VGG(16)), ('lpips', AlexNet()), ('vgg19', VGG(19))):
        torch.save(network.state_dict(), folder / f'{name}.pth')
    return {name: str(folder / f'{name}.pth') for name in ('vgg', 'lpips')}


def published(files):
    """Return the files and the form of a published loss."""
    return dict(files, vgg=files['vgg'].replace('vgg.', 'vgg19.'), form='published')


def test_terms_are_their_definitions():
    x, y = images()
    values = {term: float(single(term)(x, y)[f'loss_{term}']) / 2 for term in TERMS if term not in ('vgg', 'lpips')}
    assert values['l1'] == pytest.approx(float((x - y).abs().mean()))
    assert values['l2'] == pytest.approx(float((x - y).square().mean()))
    cosine = F.cosine_similarity(x, y, dim=1)
    assert values['angle'] == pytest.approx(float(cosine.acos().mean()), rel=1e-4)
    variation = (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()
    assert values['tv'] == pytest.approx(float(variation))
    kernel = torch.tensor([[0., 1, 0], [1, -4, 1], [0, 1, 0]], dtype=torch.float64)[None, None]
    inner = F.conv2d((x - y).flatten(0, 1)[:, None], kernel).abs()
    assert float(laplacian(x - y)[..., 1:-1, 1:-1].abs().mean()) == pytest.approx(float(inner.mean()))
    from skimage.metrics import structural_similarity
    expected = sum(structural_similarity(
        x[i, c].numpy(), y[i, c].numpy(), data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        full=True)[1][5:-5, 5:-5].mean() for i in range(2) for c in range(3)) / 6
    assert values['ssim'] == pytest.approx(1 - expected, rel=1e-5)


PUBLISHED_LAYERS = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_2')
"""Layers 1, 6, 11 and 22 of VGG19."""


def test_published_terms_are_their_formulas():
    """Colour in tens of degrees, squared variation twice, the output's own Laplacian squared: written out by loops."""
    x, y = images((5, 6))
    n, channels, height, width = x.shape

    def loss(term):
        return float(RestorationLoss(dict(weights=dict(weights={term: 1.0})), terms=(term,), form='published')(
            x, y)[f'loss_{term}'])

    degrees = [math.degrees(math.acos(sum(float(a) * float(b) for a, b in zip(x[i, :, r, c], y[i, :, r, c])) / (
        math.hypot(*x[i, :, r, c].tolist()) * math.hypot(*y[i, :, r, c].tolist()))))
        for i in range(n) for r in range(height) for c in range(width)]
    assert loss('angle') == pytest.approx(0.1 * sum(degrees) / len(degrees), rel=1e-4)
    down = sum(float(x[i, k, r + 1, c] - x[i, k, r, c]) ** 2 for i in range(n) for k in range(channels)
               for r in range(height - 1) for c in range(width)) / (channels * (height - 1) * width) / n
    right = sum(float(x[i, k, r, c + 1] - x[i, k, r, c]) ** 2 for i in range(n) for k in range(channels)
                for r in range(height) for c in range(width - 1)) / (channels * height * (width - 1)) / n
    assert loss('tv') == pytest.approx(2 * (down + right))

    def at(i, k, r, c):  # the border reflects
        return float(x[i, k, min(abs(r), 2 * height - 2 - r), min(abs(c), 2 * width - 2 - c)])

    squares = [(at(i, k, r - 1, c) + at(i, k, r + 1, c) + at(i, k, r, c - 1) + at(i, k, r, c + 1)
                - 4 * at(i, k, r, c)) ** 2 for i in range(n) for k in range(channels) for r in range(height)
               for c in range(width)]
    assert loss('laplacian') == pytest.approx(sum(squares) / len(squares))
    assert loss('l1') == pytest.approx(float((x - y).abs().mean()))
    assert loss('l2') == pytest.approx(float((x - y).square().mean()))


def test_published_ssim_counts_ten_times_while_the_weights_are_searched():
    x, y = images()
    plain = float(single('ssim')(x, y)['loss_ssim']) / 2
    trained = RestorationLoss(dict(weights=dict(weights=dict(ssim=1.0))), terms=('ssim',), form='published')
    assert float(trained(x, y)['loss_ssim']) == pytest.approx(plain)
    for form, factor in (('plain', 1), ('published', 10)):
        searched = RestorationLoss(terms=('ssim', 'l1'), form=form)
        SearchSpace(searched).relax()
        found = searched(x, y)
        assert float(found['loss_ssim']) == pytest.approx(factor * plain)
        assert float(found['loss_l1']) == pytest.approx(float((x - y).abs().mean()))
        searched.weights.fix()  # the architecture is searched by the same loss
        assert float(searched(x, y)['loss_ssim']) == pytest.approx(factor * plain)


def test_published_features_are_absolute_differences_of_vgg19_before_and_after_its_relu(files):
    """Layers are numbered as in the authors' program: 0 to 3, 5 to 8, 10 to 17, 19 to 26 of torchvision's VGG19."""
    x, y = (image.float() for image in images())
    network = VGG(19)
    network.load_state_dict(torch.load(published(files)['vgg'], weights_only=True))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    maps = [((x - mean) / std, (y - mean) / std)]
    for layer in network.features[:27]:
        maps.append(tuple(F.relu(m) if isinstance(layer, nn.ReLU) else layer(m) for m in maps[-1]))
    by_number = [float((a - b).abs().mean().detach()) for a, b in maps[1:]]
    options = dict(terms=('vgg',), vgg=published(files)['vgg'], form='published')
    searched = RestorationLoss(**options)
    assert [len(layer.candidates) for layer in searched.layers] == [4, 4, 8, 8]
    for numbers in ((1, 6, 11, 22), (0, 5, 10, 19), (2, 8, 16, 25), (3, 7, 17, 26)):
        starts = (0, 5, 10, 19)
        names = {f'layers.{i}': list(searched.layers[i].candidates)[number - starts[i]]
                 for i, number in enumerate(numbers)}
        if numbers == (1, 6, 11, 22):
            assert tuple(names.values()) == PUBLISHED_LAYERS
        loss = RestorationLoss(dict(choices=names, weights=dict(weights=dict(vgg=2.0))), **options)
        assert float(loss(x, y)['loss_vgg']) == pytest.approx(2 * sum(by_number[i] for i in numbers), rel=1e-4)
    x.requires_grad_()
    assert torch.autograd.grad(loss(x, y)['loss_vgg'], x)[0].any(), 'maps before a ReLU keep their gradient'


def test_what_vgg19_needs_is_said(files):
    with pytest.raises(ValueError, match=r'give vgg=FILE of torchvision \(vgg19-dcbb9e9d\.pth\), or leave'):
        RestorationLoss(terms=('l1', 'vgg'), form='published')
    loss = RestorationLoss('hadamard-lol-loss', terms=TERMS, **dict(published(files), vgg=files['vgg']))
    with pytest.raises(ValueError, match=r'vgg\.pth holds no weights of VGG19'):
        loss(*(image.float() for image in images()))


def test_every_term_of_equal_images_is_zero_but_the_variation(files):
    x, _ = (image.float() for image in images())
    for term in set(TERMS) - {'tv'}:
        value = single(term, **{key: path for key, path in files.items() if key == term})(x, x)[f'loss_{term}']
        assert abs(float(value)) < 1e-5, term


def test_perceptual_terms_have_gradients_and_compare_the_chosen_layers(files):
    for term in ('vgg', 'lpips'):
        double, other = (image.double() for image in images())
        loss = single(term, **{term: files[term]})
        double.requires_grad_()
        slope, = torch.autograd.grad(loss(double, other)[f'loss_{term}'], double)
        step = 1e-4 * slope / slope.norm()
        with torch.no_grad():
            rise = loss(double + step, other)[f'loss_{term}'] - loss(double - step, other)[f'loss_{term}']
        assert float(rise) == pytest.approx(2e-4 * float(slope.norm()), rel=1e-3), term
    x, y = (image.float() for image in images())
    network = VGG(16)
    network.load_state_dict(torch.load(files['vgg'], weights_only=True))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected, relu = 0.0, 0
    a, b = (x.detach() - mean) / std, (y.detach() - mean) / std
    for layer in network.features[:24]:
        a, b = layer(a), layer(b)
        relu += isinstance(layer, nn.ReLU)
        if isinstance(layer, nn.ReLU) and relu in (2, 3, 7, 9):  # relu1_2, relu2_1, relu3_3, relu4_2
            expected += float(F.mse_loss(a, b))
    assert float(single('vgg', vgg=files['vgg'])(x, y)['loss_vgg']) == pytest.approx(2 * expected, rel=1e-4)


def test_the_angle_is_finite_and_smooth_for_parallel_and_black_colours():
    x = torch.zeros(1, 3, 2, 2, requires_grad=True)
    y = torch.full((1, 3, 2, 2), 0.5)
    for image in (x, (y * 0.7).requires_grad_()):
        angle = colour_angle(image, y)
        grad, = torch.autograd.grad(angle.sum(), image)
        assert torch.isfinite(grad).all() and float(angle.abs().max()) < 1e-3
    red, green = torch.eye(3)[:2].view(2, 1, 3, 1, 1)
    assert float(colour_angle(red, green)) == pytest.approx(math.pi / 2, abs=1e-4)


@pytest.mark.parametrize('name, weights', [
    ('lol', (1.377, 1.281, 0.821, 1.226, 0.491, 0.743, 0, 0)),
    ('mit', (1.275, 1.129, 0.853, 1.486, 1.157, 0.963, 0.0003, 0.153)),
    ('underwater', (1.114, 1.092, 1.395, 1.895, 1.209, 1.093, 0.0003, 0.0004))])
def test_published_losses(files, name, weights):
    loss = RestorationLoss(f'hadamard-{name}-loss', terms=TERMS, **published(files))
    assert [loss.weights.weights.get(term, 0) for term in TERMS] == list(weights) and not list(loss.parameters())
    assert ('tv' in loss.weights.used) == (name != 'lol')
    assert [layer.index for layer in loss.layers] == [1, 1, 1, 3], 'ReLU 1_1, 2_1, 3_1 and 4_2'
    pair = [image.float() for image in images()]
    found = loss(*pair)
    for term, weight in zip(TERMS, weights):
        alone = RestorationLoss(dict(weights=dict(weights={term: 1.0}), **(dict(choices=dict(zip(
            ('layers.0', 'layers.1', 'layers.2', 'layers.3'), PUBLISHED_LAYERS))) if term == 'vgg' else {})),
            terms=(term,), **{key: value for key, value in published(files).items() if key in (term, 'form')})
        assert float(found.get(f'loss_{term}', 0)) == pytest.approx(weight * float(alone(*pair)[f'loss_{term}'])), term


def test_a_genotype_of_the_whole_model_has_parts():
    whole = dict(choices={}, weights={'loss.weights': dict(l1=1.0)}, parts=dict(loss=dict(space='', space_hash='')))
    with pytest.raises(ValueError, match=r"FILE#PART: \['loss'\]"):
        RestorationLoss(whole, terms=('l1',))


def test_reading_weights_draws_no_numbers(files):
    loss = RestorationLoss('hadamard-mit-loss', terms=TERMS, **files)
    before = torch.get_rng_state()
    loss(*(image.float() for image in images()))
    assert torch.equal(torch.get_rng_state(), before) and len(loss.features) == 2


def test_mixed_precision_spares_the_loss(files):
    loss = RestorationLoss('hadamard-mit-loss', terms=TERMS, **files)
    image, reference = (image.bfloat16() for image in images())
    expected = loss(image.float(), reference.float())
    weights = {term: network.network[0].weight.clone() for term, network in loss.features.items()}
    with torch.autocast('cpu', torch.bfloat16):
        found = loss(image, reference)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6)
    assert len(weights) == 2 and all(torch.equal(loss.features[term].network[0].weight, weight)
                                     for term, weight in weights.items())


@pytest.mark.parametrize('arguments, match', [
    (dict(vgg='vgg.pth'), r"files for \['vgg'\].*name them there"),
    (dict(terms=('l1', 'vgg')), r"\['vgg'\] need files of weights: give vgg=FILE of torchvision \(vgg16-397923af"),
    (dict(terms=('l3',)), 'it knows'), (dict(form='paper'), r"form='paper'; it knows \['plain', 'published'\]"),
    (dict(genotype='hadamard-lol-loss'), r'Set terms=\[.*\], vgg=FILE, lpips=FILE, or give'),
    (dict(genotype=dict(weights=dict(weights=dict(l1=1.0)))), r"weights of \['l1'\], and terms=\['l1', 'l2'")])
def test_terms_need_what_they_need(arguments, match):
    with pytest.raises(ValueError, match=match):
        RestorationLoss(**arguments)


def test_the_order_of_the_terms_does_not_matter_and_files_are_read_when_they_are_asked(files):
    loss = RestorationLoss('hadamard-mit-loss', terms=TERMS[::-1], **files)
    assert tuple(loss.weights.weights) == TERMS
    lost = RestorationLoss(None, terms=('l1', 'vgg'), vgg='/nowhere/vgg16.pth')
    SearchSpace(lost).relax()
    with pytest.raises(FileNotFoundError):
        lost(*(image.float() for image in images()))


# The classifier

def test_the_quality_loss_wants_good_images_and_leaves_the_classifier_alone(tmp_path):
    torch.manual_seed(0)
    classifier = QualityClassifier()
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3)
    good = torch.nn.functional.interpolate(torch.rand(16, 3, 6, 6), size=24, mode='bilinear') * 0.5 + 0.3
    for _ in range(300):
        losses = classifier(dict(visible=good * 0.3, reference=good), mode='loss')
        optimizer.zero_grad()
        losses['loss_quality'].backward()
        optimizer.step()
    assert losses['acc'] > 0.85
    sizes = (24, 24), (18, 20)
    samples = [FusionDataSample(metainfo=dict(img_shape=size)) for size in sizes]
    batch = dict(visible=good[:2] * 0.3, reference=good[:2])
    for sample, size, x in zip(classifier(batch, samples, mode='predict'), sizes, good):
        alone = classifier.logits(x[None, :, :size[0], :size[1]]).softmax(1)[0, 1]
        assert sample.good['reference'] == pytest.approx(float(alone), abs=1e-6)
    poor = classifier.logits(degraded(good)).argmax(1)
    assert (poor == POOR).float().mean() > 0.8
    torch.save(dict(state_dict=classifier.state_dict()), tmp_path / 'quality.pth')
    loss = QualityLoss(str(tmp_path / 'quality.pth'))
    exposure = torch.tensor(0.5, requires_grad=True)
    value = loss(dict(image=good * exposure), {})['loss_quality']
    assert torch.autograd.grad(value, exposure)[0] < 0, 'brighter is better'
    for worse in (0.3, 2.5):  # too dark, and too bright
        assert loss(dict(image=good), {})['loss_quality'] < loss(dict(image=good * worse), {})['loss_quality']
    grad, = torch.autograd.grad(loss(dict(image=good * exposure), {})['loss_quality'], exposure)
    assert abs(float(grad)) > 1e-3, 'no score is 0 or 1'
    assert not loss.training


def test_a_learning_classifier_takes_a_step_on_graded_images_of_the_network(tmp_path):
    """Poor outputs, good references, and the line between them labelled by the share of the reference."""
    torch.manual_seed(0)
    torch.save(QualityClassifier((8, 8)).double().state_dict(), tmp_path / 'quality.pth')
    loss = QualityLoss(str(tmp_path / 'quality.pth'), dict(type='QualityClassifier', channels=(8, 8)),
                       optimizer=dict(type='SGD', lr=0.5)).double()
    image, reference = images((20, 24))
    classifier = copy.deepcopy(loss.classifier)
    torch.manual_seed(3)
    share, poor = torch.rand(2, 1, 1, 1), degraded(reference)
    expected = 0.0
    for x, good in ((image, torch.zeros(2)), ((1 - share) * image + share * reference, share.flatten()),
                    (reference, torch.ones(2)), (poor, torch.zeros(2))):
        log_poor, log_good = classifier.logits(x).log_softmax(1).T
        good = 0.05 + 0.9 * good  # smoothed, as in the classifier's own training
        expected = expected - (good * log_good + (1 - good) * log_poor).mean() / 4
    torch.manual_seed(3)
    value = loss.learn(dict(image=image), dict(reference=reference))
    assert float(value) == pytest.approx(float(expected))
    grads = torch.autograd.grad(expected, list(classifier.parameters()))
    for weight, old, grad in zip(loss.classifier.parameters(), classifier.parameters(), grads):
        torch.testing.assert_close(weight.detach(), (old - 0.5 * grad).detach(), rtol=1e-6, atol=1e-9)


def test_a_learning_classifier_leads_from_an_image_to_its_reference(tmp_path):
    """Where it knows the images, its score rises by about as much as there is of the reference in one."""
    torch.manual_seed(0)
    torch.save(QualityClassifier().state_dict(), tmp_path / 'quality.pth')
    loss = QualityLoss(str(tmp_path / 'quality.pth'), optimizer=dict(type='Adam', lr=1e-3))
    reference = F.interpolate(torch.rand(16, 3, 6, 6), size=24, mode='bilinear') * 0.5 + 0.3
    image = (0.6 * reference + 0.1 * reference.flip(1)).requires_grad_()  # dark, and of the wrong colour

    def scores():
        return [float(loss.classifier.logits(image + share * (reference - image)).softmax(1)[:, 1].mean().detach())
                for share in (0.0, 0.5, 1.0)]

    def rise():
        grad, = torch.autograd.grad(loss(dict(image=image), {})['loss_quality'], image)
        return -float((grad * (reference - image.detach())).sum())

    assert max(scores()) - min(scores()) < 0.05 and rise() < 0.05
    for _ in range(200):
        loss.learn(dict(image=image), dict(reference=reference))
    poor, middle, good = scores()
    assert poor < 0.2 and 0.3 < middle < 0.7 and good > 0.6, (poor, middle, good)
    assert rise() > 0.5


def test_a_classifier_learns_by_so_many_steps(tmp_path):
    torch.manual_seed(0)
    torch.save(QualityClassifier().state_dict(), tmp_path / 'quality.pth')
    path, batch = str(tmp_path / 'quality.pth'), [image.float() for image in images((24, 24))]
    found = []
    for steps, calls in ((1, 3), (3, 1)):
        loss = QualityLoss(path, optimizer=dict(type='Adam', lr=1e-3), steps=steps)
        torch.manual_seed(1)
        for _ in range(calls):
            loss.learn(dict(image=batch[0]), dict(reference=batch[1]))
        found.append(loss.classifier.head.weight)
    assert torch.equal(*found)
    for options in (dict(steps=3), dict(steps=0, optimizer=dict(type='Adam', lr=1e-3))):
        with pytest.raises(ValueError, match='QualityLoss got steps='):
            QualityLoss(path, **options)


def test_a_learning_classifier_wants_references(tmp_path):
    torch.save(QualityClassifier().state_dict(), tmp_path / 'quality.pth')
    loss = QualityLoss(str(tmp_path / 'quality.pth'), optimizer=dict(type='Adam', lr=1e-3))
    with pytest.raises(KeyError, match='QualityLoss.*reference'):
        loss.learn(dict(image=torch.rand(1, 3, 24, 24)), dict(visible=torch.rand(1, 3, 24, 24)))


def test_the_quality_loss_refuses_other_weights(tmp_path):
    torch.save(dict(state_dict=dict(weight=torch.ones(1))), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth.*QualityClassifier.*hadamard/quality\.py'):
        QualityLoss(str(tmp_path / 'other.pth'))
    with pytest.raises(FileNotFoundError):
        QualityLoss(str(tmp_path / 'none.pth'))


@pytest.mark.parametrize('mode', ['loss', 'predict'])
def test_a_classifier_wants_references(mode):
    with pytest.raises(KeyError, match='QualityClassifier.*reference'):
        QualityClassifier((8, 8))(dict(visible=torch.rand(1, 3, 16, 16)), [], mode=mode)


def test_restoration_without_a_net_is_the_identity_and_wants_references():
    model = MODELS.build(dict(type='Restoration', net=None, loss=dict(
        type='RestorationLoss', terms=('l1',), genotype=dict(weights=dict(weights=dict(l1=1.0))))))
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(model(dict(visible=x)), x)
    with pytest.raises(KeyError, match='learns from references'):
        model(dict(visible=x), mode='loss')
