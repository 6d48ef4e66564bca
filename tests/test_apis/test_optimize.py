"""The faster copy of a network computes the same, and only what is provable is changed."""
from collections import OrderedDict

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn

from mmfusenas.apis.optimize import merge_convs, optimize_for_inference
from mmfusenas.models.cells import DecompositionCell
from mmfusenas.models.scene import TIMFusion
from mmfusenas.models.utils.cpu_layers import OneSlopePReLU
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def kinds(module, kind):
    return [child for child in module.modules() if type(child) is kind]


@pytest.mark.parametrize('genotype', ['tim-light', 'tim-full'])
@pytest.mark.parametrize('size', [(61, 83), (1, 32, 48)])
def test_published_networks_give_the_same_image(genotype, size, randomise):
    net = randomise(TIMFusion(genotype=genotype))
    fast = optimize_for_inference(net)
    visible, infrared = torch.rand(2, 1, 1, *size[-2:], dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(fast.fuse(visible, infrared), net.fuse(visible, infrared), atol=1e-12, rtol=0)
    assert kinds(net, nn.BatchNorm2d) and not kinds(fast, nn.BatchNorm2d)
    assert len(kinds(fast, nn.Conv2d)) == len(kinds(net, nn.Conv2d)) - 1, 'the last two convolutions are one'
    assert not any(p.requires_grad for p in fast.parameters())
    convs = [conv for conv in kinds(fast, nn.Conv2d) if conv.in_channels > 1 and conv.kernel_size != (1, 1)]
    assert all(conv.weight.is_contiguous(memory_format=torch.channels_last) for conv in convs)


@pytest.mark.parametrize('op', ['ca_3', 'sa_3', 'dc_3', 'rb_5', 'db_3', 'sc_5'])
def test_every_operator_and_the_decomposition_cell(op, randomise):
    cell = DecompositionCell(channels=8, operators=[op])
    SearchSpace(cell).select({'ops.0': op, 'ops.1': op})
    cell = randomise(cell)
    x = torch.randn(2, 8, 21, 26, dtype=torch.float64)
    before = x.clone()
    torch.testing.assert_close(optimize_for_inference(cell)(x), cell(x), atol=1e-10, rtol=0)
    assert torch.equal(x, before), 'the input is not written to'


def test_the_model_itself_is_left_alone(randomise):
    net = randomise(TIMFusion(genotype='tim-light', channels=16)).train()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    optimize_for_inference(net)
    assert net.training and all(p.requires_grad for p in net.parameters())
    assert state.keys() == net.state_dict().keys()
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert kinds(net, OneSlopePReLU) and kinds(net, nn.BatchNorm2d)


@pytest.mark.parametrize('bias', [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize('padding_mode', ['zeros', 'reflect'])
def test_merged_convolutions_are_exact_at_the_border(bias, padding_mode):
    first = nn.Conv2d(3, 6, 3, padding=2, dilation=2, stride=2, bias=bias[0], padding_mode=padding_mode)
    second = nn.Conv2d(6, 4, 1, bias=bias[1])
    x = torch.randn(2, 3, 11, 14)
    merged = merge_convs(first, second)
    torch.testing.assert_close(merged(x), second(first(x)), atol=1e-6, rtol=1e-5)


@pytest.fixture
def same_after(randomise):
    """Return the faster copy of a module, which gives the same of random numbers of a shape."""

    def check(module, *shape):
        module = randomise(module)
        x = torch.randn(*shape, dtype=torch.float64)
        fast = optimize_for_inference(module)
        torch.testing.assert_close(fast(x), module(x), atol=1e-12, rtol=0)
        return fast

    return check


def test_what_stands_between_is_respected(same_after):
    fast = same_after(nn.Sequential(nn.Conv2d(4, 4, 3), nn.PReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)), 1, 4, 9, 9)
    assert [type(child) for child in fast] == [nn.Conv2d, nn.LeakyReLU, nn.BatchNorm2d, nn.Conv2d]
    fast = same_after(nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1), nn.PReLU(2)), 1, 4, 9, 9)
    assert [type(child) for child in fast] == [nn.Conv2d, nn.Identity, nn.Identity, nn.PReLU]
    assert len(kinds(same_after(nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 8, 1)), 1, 4, 9, 9), nn.Conv2d)) == 2
    depthwise = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 1))
    assert len(kinds(same_after(depthwise, 1, 4, 9, 9), nn.Conv2d)) == 2


def test_a_sequence_of_named_convolutions_may_be_a_list(same_after):
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = nn.Sequential(OrderedDict(near=nn.Conv2d(4, 4, 3, padding=1), far=nn.Conv2d(4, 4, 1)))

        def forward(self, x):
            return self.convs[0](x) * self.convs[1](x)

    same_after(Branches(), 1, 4, 9, 9)


def test_shared_convolution_keeps_its_weights(same_after):
    conv = nn.Conv2d(4, 4, 3, padding=1)
    twice = [nn.Sequential(conv, nn.BatchNorm2d(4)) for _ in range(2)]
    fast = same_after(nn.Sequential(*twice), 1, 4, 9, 9)
    assert len(kinds(fast, nn.BatchNorm2d)) == 2


@pytest.mark.parametrize(('order', 'norms'), [(('conv', 'norm', 'act'), 0), (('norm', 'conv', 'act'), 1)])
def test_conv_module(order, norms, same_after):
    fast = same_after(ConvModule(4, 4, 3, norm_cfg=dict(type='BN'), order=order), 1, 4, 9, 9)
    assert len(kinds(fast, nn.BatchNorm2d)) == norms
    assert len(kinds(same_after(ConvModule(4, 4, 3), 1, 4, 9, 9), nn.Conv2d)) == 1


@pytest.mark.parametrize('backbone', [
    dict(type='ResNet', depth=18, base_channels=4, stem_channels=4, out_indices=(1, 2, 3)),
    dict(type='MobileNetV2', widen_factor=0.25, out_indices=(2, 4, 7)),
])  # fmt: skip
def test_whole_detector(backbone, randomise):
    pytest.importorskip('mmdet')
    task = dict(
        _scope_='mmdet', type='RetinaNet', backbone=backbone, neck=dict(type='FPN', out_channels=8, num_outs=3),
        bbox_head=dict(type='RetinaHead', num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1,
                       norm_cfg=dict(type='BN')))
    scene = dict(type='TIMFusion', genotype='tim-light')
    model = randomise(MODELS.build(dict(type='TaskGuidedDetector', scene=scene, task=task)))
    fast = optimize_for_inference(model)
    inputs = dict(visible=torch.rand(1, 3, 61, 83).double(), infrared=torch.rand(1, 1, 61, 83).double())
    with torch.inference_mode():
        for ours, theirs in zip(fast(inputs), model(inputs), strict=True):
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)
    assert len(kinds(fast, nn.BatchNorm2d)) < len(kinds(model, nn.BatchNorm2d)) - 4, 'folded in scene and task'


@pytest.mark.slow
def test_compiled_network_gives_the_same_image(randomise):
    net = randomise(TIMFusion(genotype='tim-light', channels=16)).float()
    fast = optimize_for_inference(net, compile=True)
    visible, infrared = torch.rand(2, 1, 1, 24, 32)
    with torch.inference_mode():
        torch.testing.assert_close(fast.fuse(visible, infrared), net.fuse(visible, infrared), atol=1e-5, rtol=0)
