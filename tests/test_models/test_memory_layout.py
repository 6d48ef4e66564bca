"""Models are laid out channels-last, but for those whose gradients oneDNN would write past its memory for."""
import pytest
import torch
from torch import nn

from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.models.utils.memory_layout import prefer_channels_last


def model(channels: int, stride: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.Conv2d(channels, 8, 1, stride=stride))


@pytest.mark.parametrize('channels, stride, last', [(8, 2, True), (7, 1, True), (7, 2, False), (1, (1, 2), False)])
def test_narrow_strided_convolutions_keep_their_layout(channels: int, stride: int, last: bool) -> None:
    net = model(channels, stride)
    prefer_channels_last(net)
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last) is last
    assert net(torch.rand(2, 3, 24, 24)).is_contiguous(memory_format=torch.channels_last) is last


@pytest.mark.parametrize('channels', [4, 8])
def test_gradients_are_right(channels: int) -> None:
    """Without the exception the first ends its process on AVX2."""
    net, x = model(channels, 2), torch.rand(2, 3, 24, 24)
    exact = model(channels, 2).double()
    prefer_channels_last(net)
    net(x).square().sum().backward()
    exact(x.double()).square().sum().backward()
    for ours, reference in zip(net.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, reference.grad.float(), rtol=1e-4, atol=1e-4)


def test_regions_are_those_of_their_maps() -> None:
    """mmcv's RoIAlign mixes up the channels of maps that are channels-last; it says nothing."""
    ops = pytest.importorskip('mmcv.ops')
    torch.manual_seed(0)
    net = nn.ModuleList([nn.Conv2d(3, 16, 3, padding=1), ops.RoIAlign(2, 1.0, 0)])
    image, region = torch.rand(1, 3, 24, 24), torch.tensor([[0.0, 3, 4, 15, 17]])
    expected = net[1](net[0](image).contiguous(), region)
    prefer_channels_last(net)
    for model in (net, optimize_for_inference(net)):
        torch.testing.assert_close(model[1](model[0](image), region), expected)
