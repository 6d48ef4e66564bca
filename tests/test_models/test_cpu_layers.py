"""The depthwise convolution whose gradients are put together from 3 x 3 kernels, and PReLU of one slope."""
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmfusenas.models.ops import build_operator
from mmfusenas.models.utils.cpu_layers import DepthwiseConv2d, OneSlopePReLU, _Depthwise, depthwise_conv2d


def tensors(kernel, height=13, width=18, dtype=torch.float64, channels=4):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, channels, height, width, generator=generator).to(dtype)
    weight = torch.randn(channels, 1, kernel, kernel, generator=generator).to(dtype)
    return x.requires_grad_(), weight.requires_grad_(), torch.randn(x.shape, generator=generator).to(dtype)


def plain(x, weight, dilation):
    return F.conv2d(x, weight, padding=dilation * (weight.shape[-1] // 2), dilation=dilation, groups=x.shape[1])


@pytest.mark.parametrize(('kernel', 'dilation'), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 3)])
@pytest.mark.parametrize('size', [(13, 18), (1, 1), (2, 5)])
def test_gradients_are_those_of_the_plain_convolution(kernel, dilation, size):
    x, weight, grad = tensors(kernel, *size)
    found = torch.autograd.grad(_Depthwise.apply(x, weight, dilation), (x, weight), grad)
    expected = torch.autograd.grad(plain(x, weight, dilation), (x, weight), grad)
    torch.testing.assert_close(found, expected)


def test_gradients_of_gradients_are_right():
    x, weight, _ = tensors(5, 4, 5, channels=2)
    assert torch.autograd.gradgradcheck(lambda x, weight: _Depthwise.apply(x, weight, 2), (x, weight))


@pytest.mark.parametrize('layout', [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(('kernel', 'dilation'), [(3, 2), (5, 1), (5, 2)])
def test_training_has_the_gradients_of_float64(kernel, dilation, dtype, layout):
    """oneDNN's gradient of a dilated kernel is wrong by its own size in bfloat16, channels-last (torch 2.13)."""
    x, weight, grad = tensors(kernel, 32, 33, dtype, channels=16)
    out = depthwise_conv2d(x.to(memory_format=layout), weight, dilation)
    assert type(out.grad_fn).__name__ == '_DepthwiseBackward'
    found = torch.autograd.grad(out, (x, weight), grad.to(memory_format=layout))
    exact = [t.detach().double().requires_grad_() for t in (x, weight)]
    expected = torch.autograd.grad(plain(*exact, dilation), exact, grad.double())
    for value, truth in zip(found, expected, strict=True):
        assert (value.double() - truth).abs().max() < (1e-2 if dtype == torch.bfloat16 else 1e-5) * truth.abs().max()


def test_prediction_and_other_devices_take_the_plain_convolution():
    x, weight, _ = tensors(5, dtype=torch.float32)
    with torch.no_grad():
        assert torch.equal(depthwise_conv2d(x, weight, 2), plain(x, weight, 2))
    assert type(depthwise_conv2d(x, weight.detach(), 2).grad_fn).__name__ == 'ConvolutionBackward0'
    assert depthwise_conv2d(x.to('meta'), weight.to('meta')).shape == x.shape


def test_module_is_a_convolution_without_bias():
    module = DepthwiseConv2d(6, 5, dilation=2)
    assert [(name, p.shape) for name, p in module.named_parameters()] == [('weight', (6, 1, 5, 5))]
    x = torch.rand(1, 6, 20, 31)
    torch.testing.assert_close(module(x), plain(x, module.weight, 2))


@pytest.mark.parametrize('name', [f'{kind}_{k}' for k in (3, 5) for kind in ('ca', 'sa', 'dc', 'rb', 'db', 'sc')])
def test_operators_have_right_gradients_in_mixed_precision(name):
    torch.manual_seed(0)
    module = build_operator(name, channels=16).to(memory_format=torch.channels_last)
    x = torch.randn(2, 16, 40, 41).to(memory_format=torch.channels_last)
    grad = torch.randn(2, 16, 40, 41)

    def gradients(mixed):
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=mixed):
            out = module(x)
        return torch.autograd.grad(out, list(module.parameters()), grad.to(out.dtype))

    for mixed, exact in zip(gradients(True), gradients(False), strict=True):
        assert (mixed - exact).norm() < 0.1 * exact.norm() + 1e-3


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('same', [True, False])
def test_prelu_has_pytorchs_values_and_gradients(layout, same):
    x, grad = (torch.randn(2, 6, 17, 9).contiguous(memory_format=layout) for _ in range(2))
    if not same:  # the gradient comes in another layout
        grad = grad.contiguous(memory_format=torch.channels_last)
    x[:, :, :2] = 0
    x.requires_grad_()
    ours, theirs = OneSlopePReLU(), nn.PReLU()
    assert torch.equal(ours(x), theirs(x)) and ours.state_dict().keys() == theirs.state_dict().keys()
    found, expected = (torch.autograd.grad(act(x), (x, act.weight), grad) for act in (ours, theirs))
    torch.testing.assert_close(found, expected)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


def test_prelu_has_right_gradients_and_theirs_by_finite_differences():
    act = OneSlopePReLU().double()
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)

    def function(x, slope):
        return torch.func.functional_call(act, dict(weight=slope), x)

    assert torch.autograd.gradcheck(function, (x, act.weight))
    assert torch.autograd.gradgradcheck(function, (x, act.weight))


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_prelu_under_autocast_has_pytorchs_values_and_a_more_exact_gradient_of_the_slope(layout):
    x, grad = (torch.randn(2, 6, 17, 9).bfloat16().contiguous(memory_format=layout) for _ in range(2))
    x.requires_grad_()
    ours, theirs = OneSlopePReLU(), nn.PReLU()
    ours.weight.data.fill_(0.2537)  # no number of bfloat16
    theirs.weight.data.fill_(0.2537)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        values, expected = ours(x), theirs(x)
    assert torch.equal(values, expected)
    of_x, of_slope = torch.autograd.grad(values, (x, ours.weight), grad)
    assert torch.equal(of_x, torch.autograd.grad(expected, x, grad)[0]) and of_slope.dtype == torch.float32
    exact = (grad.double() * x.detach().double().clamp(max=0)).sum()
    assert float(of_slope) == pytest.approx(float(exact), rel=2 ** -8)  # which the weight in bfloat16 rounds


def test_prelu_is_exported_with_gradients_on():
    module, x = nn.Sequential(nn.Linear(3, 3), OneSlopePReLU()), torch.randn(2, 3)
    exported = torch.export.export(module, (torch.rand(2, 3),)).module()
    torch.testing.assert_close(exported(x), module(x))
