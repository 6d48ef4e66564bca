"""The searchable neck: its wiring, its derived networks, and its place in stock detectors."""
import pytest
import torch
import torch.nn.functional as F

from mmfusenas.models.cells import FeatureDistillationCell
from mmfusenas.models.necks import FeatureDistillationNeck
from mmfusenas.nas import Choice, Genotype, SearchSpace

FEW = ['conv_1', 'dil_3', 'res_3', 'skip']
CHANNELS = (8, 16, 32)


def features(sizes=((17, 21), (9, 11), (5, 6))):
    return [torch.rand(2, c, *size) for c, size in zip(CHANNELS, sizes)]


def neck(**options):
    torch.manual_seed(0)
    return FeatureDistillationNeck(CHANNELS, 8, **dict(dict(channels=4, nodes=2, num_outs=5, operators=FEW), **options))


def test_a_cell_is_the_graph_of_the_paper():
    cell = FeatureDistillationCell(6, 5, channels=4, nodes=4)
    space = SearchSpace(cell)
    assert list(space.choices) == [f'edges.{i}_{j}' for j in range(1, 5) for i in range(j)]  # ten edges
    assert all(len(choice.candidates) == 11 for choice in space.choices.values())
    torch.manual_seed(1)
    space.select(space.sample())
    cell.eval()
    x = torch.rand(1, 6, 7, 9)
    edge = {name.removeprefix('edges.'): choice for name, choice in space.choices.items()}
    n0 = cell.reduce(x)
    n1 = edge['0_1'](n0)
    n2 = edge['0_2'](n0) + edge['1_2'](n1)
    n3 = edge['0_3'](n0) + edge['1_3'](n1) + edge['2_3'](n2)
    n4 = edge['0_4'](n0) + edge['1_4'](n1) + edge['2_4'](n2) + edge['3_4'](n3)
    distilled = F.conv2d(torch.cat([n1, n2, n3, n4], 1), cell.distill.weight, cell.distill.bias)
    assert torch.allclose(cell(x), distilled, atol=1e-6)


def test_the_neck_goes_from_coarse_to_fine():
    net = neck()
    space = SearchSpace(net)
    space.select(space.sample())
    net.eval()
    c3, c4, c5 = inputs = features()
    l3, l4, l5 = (lateral(x) for lateral, x in zip(net.laterals, inputs))
    p5 = net.cells[2](l5)
    p4 = net.cells[1](torch.cat([l4, F.interpolate(p5, size=l4.shape[2:])], 1))
    p3 = net.cells[0](torch.cat([l3, F.interpolate(p4, size=l3.shape[2:])], 1))
    p6 = F.conv2d(c5, net.extra[0].weight, net.extra[0].bias, stride=2, padding=1)
    p7 = F.conv2d(p6, net.extra[1].weight, net.extra[1].bias, stride=2, padding=1)
    for got, wanted in zip(net(inputs), (p3, p4, p5, p6, p7), strict=True):
        assert torch.allclose(got, wanted, atol=1e-6)


def test_derived_neck_equals_the_supernet_with_that_choice(tmp_path):
    net = neck().eval()
    space = SearchSpace(net)
    space.select(space.sample(torch.Generator().manual_seed(3)))
    genotype = space.genotype()
    genotype.save(tmp_path / 'genotype.json')
    assert Genotype.load(tmp_path / 'genotype.json') == genotype
    derived, inputs = space.derive(genotype), features()
    assert not any(isinstance(module, Choice) for module in derived.modules())
    for got, wanted in zip(derived(inputs), net(inputs), strict=True):
        assert torch.allclose(got, wanted, atol=1e-6)
    rebuilt = neck(genotype=str(tmp_path / 'genotype.json'))
    shapes = [{k: v.shape for k, v in net.state_dict().items()} for net in (rebuilt, derived)]
    assert shapes[0] == shapes[1]


def test_start_level_skips_fine_levels():
    net = neck(start_level=1, num_outs=3)
    SearchSpace(net).relax()
    assert [tuple(x.shape[2:]) for x in net(features())] == [(9, 11), (5, 6), (3, 3)]


def test_norm_is_configurable_for_a_batch_of_one():
    net = neck(norm_cfg=dict(type='GN', num_groups=2))
    SearchSpace(net).relax()
    assert any(isinstance(module, torch.nn.GroupNorm) for module in net.modules())
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules())


def test_bad_use_is_named():
    with pytest.raises(ValueError, match='num_outs=2 for 3'):
        neck(num_outs=2)
    net = neck()
    SearchSpace(net).relax()
    with pytest.raises(ValueError, match='built for 3 levels and got 2'):
        net(features()[:2])
    with pytest.raises(ValueError, match="'convv_3'.*nearest is 'conv"):
        neck(operators=['conv_1', 'convv_3'])
