"""A clamp whose gradient is that of a projection."""
import pytest
import torch

from mmfusenas.models.utils.bounded import bounded


def test_without_an_upper_bound():
    x = torch.tensor([0.5, -0.5, 0.5, -0.5], requires_grad=True)
    y = bounded(x)
    assert y.tolist() == [0.5, 0, 0.5, 0]
    y.backward(torch.tensor([1.0, 1.0, -1.0, -1.0]))
    assert x.grad.tolist() == [1, 0, -1, -1]  # downwards from the bound there is nothing


@pytest.mark.parametrize('grad, expected', [(1.0, [0, 0, 1, 1, 1]), (-1.0, [-1, -1, -1, 0, 0])])
def test_beyond_two_bounds_the_gradient_leads_back_alone(grad, expected):
    # A step goes against the gradient: a positive one lowers.
    x = torch.tensor([-0.3, 0.0, 0.4, 1.0, 1.3], requires_grad=True)
    y = bounded(x, 0.0, 1.0)
    assert y.tolist() == x.clamp(0, 1).tolist()  # not off by a rounding
    y.backward(torch.full_like(x, grad))
    assert x.grad.tolist() == expected


def test_it_can_be_differentiated_twice():
    x = torch.tensor([-0.3, 0.4, 0.9, 1.3], dtype=torch.float64, requires_grad=True)
    first, = torch.autograd.grad(bounded(x, 0.0, 1.0).pow(3).sum(), x, create_graph=True)
    assert first.tolist() == pytest.approx([0, 3 * 0.4**2, 3 * 0.9**2, 3])
    second, = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == pytest.approx([0, 6 * 0.4, 6 * 0.9, 6])  # of the bound at 1, too, as the first


def test_what_needs_no_gradient_has_no_graph():
    assert bounded(torch.tensor([-1.0, 2.0]), 0.0, 1.0).grad_fn is None
