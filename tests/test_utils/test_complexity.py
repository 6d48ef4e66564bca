"""Parameters and multiply-adds, against counts by hand."""
from torch import nn

from mmfusenas.models.scene import FixedFusion, TIMFusion
from mmfusenas.nas import SearchSpace
from mmfusenas.utils.complexity import complexity, complexity_by_part, multiply_adds


def test_light_is_that_of_the_paper():
    pixels = 44 * 62  # a hundredth of 440 x 620
    cell = 48 * 48 + 2 * 48 * 9 + 48 * 48 + 48 * 48 * 9
    weights = 2 * 96 * 9 + 96 * 48 * 9 + 2 * cell + 48 * 48 * 9 + 48 * 24 * 9 + 24
    costs = complexity(TIMFusion(genotype='tim-light'), (44, 62))
    assert costs == dict(parameters=127358, macs=pixels * weights + 2 * 48 * 3, latency_ms=None)
    assert 448 * 620 * weights + 2 * 48 * 3 == 35204413728, 'the published figure at 448 x 620'


def test_without_a_shape_only_parameters_are_counted():
    assert complexity(TIMFusion(genotype='tim-full')) == dict(parameters=994917, macs=None, latency_ms=None)


def test_parts_add_up_and_mode_is_as_before():
    net = TIMFusion(genotype='tim-light', channels=8).train()
    parts = complexity_by_part(net, multiply_adds(net, (16, 20)))
    assert list(parts) == ['stem', 'cells.0', 'cells.1', 'head']
    whole = complexity(net, (16, 20))
    assert {key: sum(part[key] for part in parts.values()) for key in ('parameters', 'macs')} == {
        key: whole[key] for key in ('parameters', 'macs')}
    assert net.training and net.cells[0].training
    wrapped = nn.ModuleDict(dict(empty=nn.Identity(), net=net))
    assert complexity_by_part(wrapped, multiply_adds(net, (16, 20))) == {
        f'net.{name}': cost for name, cost in parts.items()}
    assert net.stem[0].weight.grad is None


def test_alphas_of_a_supernet_are_no_weights():
    net = TIMFusion(channels=8, cells=['successive'], operators=['rb_3', 'ca_3'])
    space = SearchSpace(net)
    space.relax()
    alphas = sum(alpha.numel() for alpha in space.alphas().values())
    assert complexity(net)['parameters'] == sum(p.numel() for p in net.parameters()) - alphas
    derived = space.derive(space.genotype())
    assert complexity(net, (16, 20))['macs'] > complexity(derived, (16, 20))['macs']


def test_fixed_rule_costs_nothing():
    assert complexity(FixedFusion('average'), (16, 20)) == dict(parameters=0, macs=0, latency_ms=None)
