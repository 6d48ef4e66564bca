"""The cells of the fusion network: their values, sizes and gradients."""
import pytest
import torch

from kits import reference_tim as reference
from mmfusenas.models.cells import DecompositionCell, MultiScaleCell, SuccessiveCell
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import CELLS

TIM = [f'{kind}_{k}' for k in (3, 5) for kind in ('ca', 'sa', 'dc', 'rb', 'db', 'sc')]
KINDS = ['successive', 'decomposition', 'multi_scale']


def derived(kind, ops, channels=8):
    cell = CELLS.build(dict(type=kind, channels=channels, operators=TIM))
    space = SearchSpace(cell)
    space.select({'ops.0': ops[0], 'ops.1': ops[1]})
    return space.derive(space.genotype())


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('ops', [('rb_3', 'ca_5'), ('db_5', 'dc_3'), ('sa_3', 'sc_5')])
@pytest.mark.parametrize('size', [(24, 32), (61, 83), (22, 27)])
def test_cell_has_the_values_of_the_paper(kind, ops, size, randomise):
    cell = randomise(derived(kind, ops))
    x = torch.randn(2, 8, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = reference.CELLS[kind](x, cell.state_dict(), ops)
    torch.testing.assert_close(cell(x), expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize('kind', KINDS)
def test_every_parameter_gets_a_gradient_at_an_odd_size(kind):
    torch.manual_seed(0)
    cell = derived(kind, ('rb_3', 'dc_5'))
    x = torch.randn(2, 8, 61, 83, requires_grad=True)
    out = cell(x)
    assert out.shape == x.shape
    (out * torch.randn_like(out)).sum().backward()
    assert x.grad.abs().sum() > 0
    assert [name for name, p in cell.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize(('cell', 'widths'), [
    (SuccessiveCell, [8]), (DecompositionCell, [8, 8]), (MultiScaleCell, [8, 16, 32]),
])  # fmt: skip
def test_a_choice_is_one_decision_over_all_scales_with_own_weights(cell, widths):
    module = cell(channels=8, operators=['dc_3'])
    pointwise = [p for name, p in module.ops[0].named_parameters() if name.endswith('body.2.weight')]
    assert [p.shape[0] for p in pointwise] == widths
    assert len(SearchSpace(module)) == 2


def test_multi_scale_cell_pads_by_reflection_up_to_a_multiple_of_four_only(randomise):
    cell = randomise(derived('multi_scale', ('sa_3', 'sa_3')))
    x = torch.rand(1, 8, 12, 16, dtype=torch.float64)
    cut = x[:, :, :11, :14]
    padded = torch.nn.functional.pad(cut, (0, 2, 0, 1), mode='reflect')
    torch.testing.assert_close(cell(cut), cell(padded)[:, :, :11, :14])


def test_smallest_sizes_of_the_multi_scale_cell(randomise):
    cell = randomise(derived('multi_scale', ('rb_3', 'dc_3')))
    for size in [(5, 6), (7, 5), (8, 8)]:
        assert cell(torch.rand(1, 8, *size, dtype=torch.float64)).shape[2:] == size
