"""A choice of width: relaxed the weighted sum of all widths, fixed and derived the narrow block."""
import pytest
import torch
from torch import nn

from mmfusenas.models.cells.width_choice import WidthChoice
from mmfusenas.models.scene import TIMFusion
from mmfusenas.nas import ExpectedCost, Genotype, SearchSpace, measure_costs
from mmfusenas.nas.cost_table import parameter_table

SHARES = (0.25, 0.5, 1.0)


def block(dtype=torch.float64):
    torch.manual_seed(0)
    return WidthChoice([nn.Conv2d(3, 8, 3, padding=1, padding_mode='reflect'), nn.PReLU(),
                        nn.Conv2d(8, 5, 3, stride=2)], SHARES).to(dtype)


def narrow(choice, width, x):
    """The block of a width written by hand."""
    first, act, last = choice.shared
    x = nn.functional.pad(x, (1, 1, 1, 1), mode='reflect')
    x = nn.functional.conv2d(x, first.weight[:width], first.bias[:width])
    return nn.functional.conv2d(act(x), last.weight[:, :width], last.bias, stride=2)


def test_every_width_is_the_narrow_block():
    choice, x = block(), torch.rand(2, 3, 9, 11, dtype=torch.float64)
    assert choice.candidates == ('w25', 'w50', 'w100')
    for name, width in zip(choice.candidates, (2, 4, 8)):
        choice.select(name)
        expected, derived = narrow(choice, width, x), choice.derived(name)
        torch.testing.assert_close(choice(x), expected)
        torch.testing.assert_close(derived(x), expected)
        assert sum(p.numel() for p in derived.parameters()) == width * 27 + width + 1 + width * 45 + 5
        assert not any(p.data_ptr() == q.data_ptr() for p in derived.parameters() for q in choice.parameters())


def test_relaxed_it_is_the_weighted_sum_and_so_are_its_gradients():
    choice, x = block(), torch.rand(2, 3, 9, 11, dtype=torch.float64)
    choice.alpha.data = torch.tensor([0.3, -0.4, 0.9], dtype=torch.float64)
    choice.relax()
    choice.alpha.requires_grad_(True)
    tensors = [choice.alpha, *choice.shared.parameters()]
    expected = sum(p * narrow(choice, width, x) for p, width in zip(choice.alpha.softmax(0), (2, 4, 8)))
    torch.testing.assert_close(choice(x), expected)
    for grad, other in zip(*(torch.autograd.grad(y.square().sum(), tensors) for y in (choice(x), expected))):
        torch.testing.assert_close(grad, other)


def test_a_new_one_does_not_run():
    with pytest.raises(RuntimeError, match='neither relaxed nor fixed'):
        block()(torch.rand(1, 3, 9, 11, dtype=torch.float64))


@pytest.mark.parametrize('layers, shares, message', [
    ([nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1)], SHARES, 'BatchNorm2d'),
    ([nn.Conv2d(8, 8, 1, groups=8), nn.Conv2d(8, 4, 1)], SHARES, 'two ordinary convolutions'),
    ([nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1)], (0.5, 1.5), 'at most 1'),
    ([nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1)], (0.01, 1.0), 'at least one channel'),
    ([nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1)], (0.5, 0.5), 'different')])
def test_what_has_no_width_is_named(layers, shares, message):
    with pytest.raises(ValueError, match=message):
        WidthChoice(layers, shares)


def net(**options):
    torch.manual_seed(0)
    return TIMFusion(channels=8, num_cells=1, cells=['successive'], operators=['sa_3', 'dc_3'], widths=SHARES,
                     **options)


def test_the_derived_network_is_the_supernet_at_its_widths():
    supernet = net().eval()
    space, pair = SearchSpace(supernet), (torch.rand(1, 1, 17, 19), torch.rand(1, 1, 17, 19))
    assert {name: choice.candidates for name, choice in space.choices.items() if name in ('stem.0', 'head.0')} == {
        'stem.0': ('w25', 'w50', 'w100'), 'head.0': ('w25', 'w50', 'w100')}
    for stem, head in (('w25', 'w100'), ('w50', 'w25')):
        space.select({**space.sample(), 'stem.0': stem, 'head.0': head})
        genotype = space.genotype()
        derived = space.derive(genotype).eval()
        torch.testing.assert_close(derived.fuse(*pair), supernet.fuse(*pair))
        rebuilt = net(genotype=genotype.to_dict()).eval()
        rebuilt.load_state_dict(derived.state_dict())
        torch.testing.assert_close(rebuilt.fuse(*pair), supernet.fuse(*pair))
        assert Genotype.load(genotype.to_dict()).choices['stem.0'] == stem


def test_its_cost_is_that_of_the_narrow_network():
    supernet = net()
    space, inputs = SearchSpace(supernet), (torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16))
    table = measure_costs(space, inputs, run=supernet.fuse, repeats=3)
    # The stem, 2 -> width -> 8 channels by 3 x 3 at 16 x 16 pixels.
    for name, width in (('w25', 4), ('w50', 8), ('w100', 16)):
        assert table.choices['stem.0'][name]['macs'] == 256 * 9 * width * (2 + 8)
        space.select({**space.sample(), 'stem.0': name})
        derived, predicted = space.derive(space.genotype()), parameter_table(space).predict(space.genotype())
        assert predicted['parameters'] == sum(p.numel() for p in derived.parameters())
        assert float(ExpectedCost(space, table, 'parameters')()) == predicted['parameters']
