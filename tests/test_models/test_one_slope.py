"""PReLU of one slope: PyTorch's values and gradients, also of the gradients."""
import pytest
import torch
from torch import nn

from mmfusenas.models.utils.one_slope import OneSlopePReLU


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('same', [True, False])
def test_values_and_gradients_are_pytorchs(layout, same):
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


def test_gradients_and_theirs_are_right_by_finite_differences():
    act = OneSlopePReLU().double()
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)

    def function(x, slope):
        return torch.func.functional_call(act, dict(weight=slope), x)

    assert torch.autograd.gradcheck(function, (x, act.weight))
    assert torch.autograd.gradgradcheck(function, (x, act.weight))


def test_under_autocast_it_is_pytorchs():
    x = torch.randn(2, 3, 4, 5).bfloat16().requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(OneSlopePReLU()(x), nn.PReLU()(x))


def test_it_is_exported_with_gradients_on():
    module, x = nn.Sequential(nn.Linear(3, 3), OneSlopePReLU()), torch.randn(2, 3)
    exported = torch.export.export(module, (torch.rand(2, 3),)).module()
    torch.testing.assert_close(exported(x), module(x))
