"""The candidate operators: their values, sizes, gradients and names."""
import pytest
import torch
from torch import nn

from kits import reference_tim as reference
from mmfusenas.models.ops import build_operator

TIM = [f'{kind}_{k}' for k in (3, 5) for kind in ('ca', 'sa', 'dc', 'rb', 'db', 'sc')]
EDGES = [f'{kind}_{k}' for kind in ('conv', 'dil', 'res') for k in (3, 5, 7)] + ['conv_1', 'skip']


def rand(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('name', TIM)
def test_operator_of_tim_has_the_values_of_the_paper(name, randomise):
    module = randomise(build_operator(name, channels=6))
    x = rand(2, 6, 61, 83)
    expected = reference.operator(name)(x, module.state_dict())
    torch.testing.assert_close(module(x), expected, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(module.float()(x.float()), expected.float(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(('name', 'size'), [
    ('rb_3', (3 * 3 + 3 * 3 + 8 + 2) * 8 + 1), ('rb_5', (5 * 5 + 3 * 3 + 8 + 2) * 8 + 1),
    ('db_3', 6 * 9 * 8 + 1), ('db_5', 6 * 25 * 8 + 1),
    ('dc_3', (9 + 8 + 2) * 8), ('dc_5', (25 + 8 + 2) * 8),
    ('sc_3', 2 * (9 + 8 + 2) * 8), ('sc_5', 2 * (25 + 8 + 2) * 8),
    ('ca_3', 3 + 9 * 64 + 1), ('ca_5', 5 + 9 * 64 + 1),
    ('sa_3', 2 * 9), ('sa_5', 2 * 25),
])  # fmt: skip
def test_operator_of_tim_has_the_size_of_the_paper(name, size):
    assert sum(p.numel() for p in build_operator(name, channels=8).parameters()) == size


@pytest.mark.parametrize('name', TIM + EDGES)
def test_every_parameter_gets_a_gradient_at_an_odd_size(name):
    torch.manual_seed(0)
    module = build_operator(name, channels=4)
    x = torch.randn(2, 4, 61, 83, requires_grad=True)
    out = module(x)
    assert out.shape == x.shape
    (out * torch.randn_like(out)).sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


@pytest.mark.parametrize(('name', 'kernel', 'dilation'), [('conv_7', 7, 1), ('dil_5', 5, 2), ('res_3', 3, 1)])
def test_edge_of_the_distillation_cell_is_one_convolution(name, kernel, dilation, randomise):
    module = randomise(build_operator(name, channels=4))
    (conv,) = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    assert (conv.kernel_size, conv.dilation, conv.bias) == ((kernel,) * 2, (dilation,) * 2, None)
    (norm,) = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    x = rand(2, 4, 20, 31)
    plain = nn.functional.conv2d(x, conv.weight, padding=dilation * (kernel // 2), dilation=dilation)
    expected = norm(plain).relu() + (x if name.startswith('res') else 0)
    torch.testing.assert_close(module(x), expected)


def test_edge_takes_the_configured_norm():
    module = build_operator('conv_3', channels=8, norm_cfg=dict(type='GN', num_groups=4))
    assert [m.num_groups for m in module.modules() if isinstance(m, nn.GroupNorm)] == [4]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in module.modules())


def test_skip_returns_its_input():
    x = rand(1, 3, 5, 7)
    assert build_operator('skip', channels=3)(x) is x


@pytest.mark.parametrize(('name', 'nearest'), [('rbb_3', 'rb'), ('skipp', 'skip'), ('convv_3', 'conv')])
def test_unknown_operator_names_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"Unknown candidate operator '{name}'; the nearest is '{nearest}'"):
        build_operator(name, channels=4)


@pytest.mark.parametrize('name', ['rb_4', 'rb', 'skip_3', 'conv_0'])
def test_kernel_that_an_operator_cannot_have_is_named(name):
    with pytest.raises(ValueError, match=name):
        build_operator(name, channels=4)
