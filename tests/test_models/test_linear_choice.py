"""A relaxed choice between convolutions is one convolution, with the same value and gradients."""
import pytest
import torch

from mmfusenas.models.cells import DistillationCell
from mmfusenas.models.cells.distillation_cell import OPERATORS_RUAS
from mmfusenas.models.cells.linear_choice import LinearChoice, spread
from mmfusenas.models.ops import build_operator
from mmfusenas.nas import SearchSpace


def relaxed_cell(**options):
    torch.manual_seed(0)
    cell = DistillationCell(3, 2, **options).double()
    space = SearchSpace(cell)
    space.relax()
    for alpha in space.alphas().values():
        alpha.normal_().requires_grad_(True)
    return cell


def value_and_gradients(cell, merged):
    cell.train(merged)
    x = torch.randn(2, 3, 9, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    out = cell(x, 1)
    leaves = [x, *cell.parameters()]
    grads = torch.autograd.grad(out.sin().sum(), leaves, create_graph=True, allow_unused=True)
    alphas = [p for p in leaves if p.dim() == 1 and len(p) == len(OPERATORS_RUAS)]
    used = [grad for grad in grads if grad is not None]
    second = torch.autograd.grad(sum(grad.square().sum() for grad in used), alphas)
    return out, used, second


def test_value_gradients_and_second_derivatives_are_those_of_the_sum_of_candidates():
    cell = relaxed_cell()
    torch.testing.assert_close(value_and_gradients(cell, True), value_and_gradients(cell, False))


def test_one_convolution_runs_in_training_and_every_candidate_in_evaluation():
    cell = relaxed_cell()
    calls = []
    for module in cell.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda *_: calls.append(1))
    cell(torch.rand(1, 3, 9, 11).double())
    assert len(calls) == 1  # the 1 x 1 convolution at the end
    cell.eval()(torch.rand(1, 3, 9, 11).double())
    assert len(calls) == 1 + 1 + 7 * (len(OPERATORS_RUAS) - 1)


@pytest.mark.parametrize('names', [('skip', 'rb_3'), ('skip', 'c_3', 'dense_1', 'rc_3d2', 'dense_3')])
def test_other_operators_run_as_in_every_choice(names):
    choice = LinearChoice({name: build_operator(name, 4) for name in names})
    choice.relax()
    x = torch.rand(1, 4, 9, 8)
    expected = sum(choice.get_submodule(name)(x) for name in names) / len(names)
    torch.testing.assert_close(choice(x), expected)


def test_widths_change_and_biases_are_missing():
    names = ('c_5', 'c_1', 'c_3d2')
    choice = LinearChoice({name: build_operator(name, 3, out_channels=5, bias=False) for name in names})
    choice.relax()
    x = torch.rand(1, 3, 9, 8)
    merged = choice(x)
    torch.testing.assert_close(merged, choice.eval()(x))
    assert merged.shape[1] == 5


@pytest.mark.parametrize('dilation', [1, 2, 3])
def test_a_spread_kernel_is_the_dilated_one(dilation):
    x, kernel = torch.rand(1, 2, 13, 12), torch.rand(2, 2, 3, 3)
    torch.testing.assert_close(
        torch.nn.functional.conv2d(x, spread(kernel, dilation, 9), padding=4),
        torch.nn.functional.conv2d(x, kernel, padding=dilation, dilation=dilation))
