"""The network and search space of DCNAS: sizes to the digit, and one set of weights for every path."""
import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmfusenas.models.cells.guided_fusion import Attention, searched_fusion
from mmfusenas.models.cells.mobile_block import ElasticMobileBlock, MobileBlock
from mmfusenas.models.restorers.guided_sr_net import GuidedSRNet
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.latency import measure_costs
from mmfusenas.nas.macs import count_macs
from mmfusenas.nas.sampling import PathSampler
from mmfusenas.utils.complexity import count_parameters


@pytest.mark.parametrize('form, count', [((8, 3, 2), 444), ((8, 7, 6), 3164), ((16, 5, 4), 3798), ((32, 3, 3), 7562),
                                         ((32, 7, 5), 18634)])
def test_blocks_have_the_published_sizes(form, count):
    assert count_parameters(MobileBlock(*form)) == count
    derived = ElasticMobileBlock(form[0]).derived(f'k{form[1]}_r{form[2]}')
    assert count_parameters(derived) == count


@pytest.mark.parametrize('channels, count', [(8, 2999), (16, 11883), (32, 47315), (64, 188835), (128, 754499)])
def test_attention_has_the_published_sizes(channels, count):
    assert count_parameters(Attention(channels)) == count


@pytest.mark.parametrize('name, channels, count', [('dcnas-4x', 16, 1995000), ('dcnas-16x', 16, 1946198),
                                                   ('dcnas-tiny-16x', 8, 594748)])
def test_printed_architectures_have_the_published_sizes(name, channels, count):
    net = GuidedSRNet(name, channels=channels)
    assert count_parameters(net) == count
    assert isinstance(net.guidance[3], nn.Identity)


@pytest.mark.parametrize('name, channels', [('dcnas-4x', 16), ('dcnas-16x', 16), ('dcnas-tiny-16x', 8)])
def test_genotypes_are_those_that_the_paper_prints(shared, name, channels):
    architectures = json.loads((shared / 'reference/dcnas/table_x_architectures.json').read_text())
    printed = architectures[name.replace('dcnas-tiny', 'tiny').replace('-', '_')]
    assert printed['base_channels'] == channels
    choices = Genotype.load(name).choices
    for part, stages in (('guidance', printed['guidance'][:3]), ('target', printed['target']),
                         ('decoder', printed['decoder_deepest_stage_first'][::-1])):
        for i, stage in enumerate(stages):
            forms = [f'k{kernel}_r{ratio}' if kernel else 'absent' for kernel, ratio in stage]
            assert [choices[f'{part}.{i}.blocks.{j}'] for j in range(4)] == forms


def scramble(block, seed=0):
    """Give the kernels, their transforms, slopes and the last layer values of their own, as training does."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in block.named_parameters():
            if any(part in name for part in ('transforms', 'depthwise', 'act', 'tail')):
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


def test_a_kernel_is_cut_through_learned_transforms():
    block = ElasticMobileBlock(4)
    whole = block.shared.depthwise.weight
    torch.testing.assert_close(block.shared.kernels(3, 8), whole[:8, :, 2:5, 2:5])  # they start as the identity
    scramble(block)
    five = torch.einsum('oi,ni->no', block.shared.transforms['5'], whole[:8, 0, 1:-1, 1:-1].reshape(8, 25))
    torch.testing.assert_close(block.shared.kernels(5, 8), five.view(8, 1, 5, 5))
    three = torch.einsum('oi,ni->no', block.shared.transforms['3'], five.view(8, 5, 5)[:, 1:-1, 1:-1].reshape(8, 9))
    torch.testing.assert_close(block.shared.kernels(3, 8), three.view(8, 1, 3, 3))


def test_forms_of_all_kernels_begin_as_one_function():
    block, x = ElasticMobileBlock(8), torch.rand(2, 8, 7, 9)
    outputs = [block.derived(f'k{kernel}_r3')(x) for kernel in (3, 5, 7)]
    torch.testing.assert_close(outputs[:2], outputs[1:])
    assert not torch.allclose(outputs[0], x)


def test_every_form_is_its_compact_block():
    block, x = ElasticMobileBlock(8), torch.rand(2, 8, 7, 9)
    scramble(block)
    for candidate in block.candidates:
        block.select(candidate)
        derived = block.derived(candidate)
        torch.testing.assert_close(block(x), derived(x))
        if candidate != 'absent':
            assert not any(p.data_ptr() == q.data_ptr() for p in derived.parameters() for q in block.parameters())


def test_a_form_trains_its_part_of_the_shared_weights():
    block = ElasticMobileBlock(8)
    block.select('k5_r2')
    block(torch.rand(1, 8, 9, 9)).square().sum().backward()
    shared = block.shared
    assert shared.expand.weight.grad[:16].any() and not shared.expand.weight.grad[16:].any()
    assert shared.depthwise.weight.grad[:16, :, 1:-1, 1:-1].any()
    assert not shared.depthwise.weight.grad[:, :, 0].any() and not shared.depthwise.weight.grad[16:].any()
    assert shared.transforms['5'].grad.any() and shared.transforms['3'].grad is None


def test_fusions_are_their_definitions():
    fusion, (x, y) = searched_fusion(8), torch.rand(2, 2, 8, 5, 7)
    scramble(fusion)
    outputs = {}
    for candidate in fusion.candidates:
        fusion.select(candidate)
        outputs[candidate] = fusion(x, y)
    assert not outputs['none'].any()
    assert outputs['target'] is x and outputs['guidance'] is y
    torch.testing.assert_close(outputs['sum'], x + y)
    weight = fusion.concat.reduce.weight[:, :, 0, 0]
    torch.testing.assert_close(outputs['concat'], torch.einsum('oc,nchw->nohw', weight, torch.cat([x, y], 1)))
    op = fusion.attention
    gated = [gate.gate(z).sigmoid() * F.prelu(gate.feature(z), gate.act.weight)
             for gate, z in zip(op.gates, (x, y))]
    merged = op.merge(torch.cat(gated, 1))
    mean = merged.mean((2, 3))
    g = mean + (merged - mean[..., None, None]).square().mean((2, 3))
    maps = [(g @ to_map.weight[:, :, 0, 0].T + to_map.bias).sigmoid()[..., None, None] for to_map in op.maps]
    torch.testing.assert_close(outputs['attention'], (maps[0] * gated[0] + maps[1] * gated[1]) / 2)


def test_derived_networks_equal_the_supernet_and_cost_what_the_table_says():
    net = GuidedSRNet(channels=8).eval()
    scramble(net)
    space, generator = SearchSpace(net), torch.Generator().manual_seed(0)
    assert len(space) == 3 * 4 * 4 + 4
    pair = torch.rand(1, 1, 16, 16), torch.rand(1, 3, 16, 16)
    table = measure_costs(space, pair, repeats=3)
    sampler, by_macs = PathSampler(space, table), PathSampler(space, table, 'macs')
    by_levels = {levels: [] for levels in range(5)}
    for path in sampler.sample(200, generator):
        space.select(sampler.choices(path))
        by_levels[net._guided_levels()].append(path)
    for i, path in enumerate(path for paths in by_levels.values() for path in paths[:1]):
        choices = sampler.choices(path)
        space.select(choices)
        derived = space.derive(Genotype(choices))
        x = torch.rand(1, 1, 17 + i % 9, 23 - i % 5), torch.rand(1, 3, 17 + i % 9, 23 - i % 5)
        with torch.no_grad():
            torch.testing.assert_close(derived(*x), net(*x), rtol=0, atol=1e-6)
        assert derived(*x).shape == x[0].shape and (derived(*x) != x[0]).any()
        assert float(sampler.cost(path[None])) == count_parameters(derived)
        assert float(by_macs.cost(path[None])) == count_macs(derived, lambda: derived(*pair)).total()  # noqa: B023
        assert sum(isinstance(stage, nn.Identity) for stage in derived.guidance) == 4 - net._guided_levels()
        assert not SearchSpace(derived).optional
    assert all(by_levels[levels] for levels in (1, 2, 3, 4))


def test_random_paths_are_as_large_as_published():
    for channels, mean, lowest, highest in ((8, 0.695e6, 0.34e6, 1.10e6), (16, 2.495e6, 1.25e6, 3.99e6)):
        space = SearchSpace(GuidedSRNet(channels=channels))
        sampler = PathSampler(space)
        costs = sampler.cost(sampler.sample(3000, torch.Generator().manual_seed(0)))
        assert float(costs.mean()) == pytest.approx(mean, rel=0.02)
        assert float(costs.min()) == pytest.approx(lowest, rel=0.1)
        assert float(costs.max()) == pytest.approx(highest, rel=0.1)


def test_training_starts_from_the_upsampled_target():
    target = torch.rand(1, 1, 16, 24)
    torch.testing.assert_close(GuidedSRNet('dcnas-tiny-16x', channels=8)(target, torch.rand(1, 3, 16, 24)), target)


def test_an_undecided_network_is_an_error_and_a_foreign_genotype_too():
    with pytest.raises(RuntimeError, match='neither relaxed nor fixed'):
        GuidedSRNet(channels=8, blocks=1)(torch.rand(1, 1, 8, 8), torch.rand(1, 3, 8, 8))
    with pytest.raises(ValueError, match='has no choice'):
        GuidedSRNet('tim-light')


def test_two_thousand_paths_under_random_constraints_are_legal():
    space, generator = SearchSpace(GuidedSRNet(channels=8)), torch.Generator().manual_seed(0)
    sampler = PathSampler(space)
    for i in range(10):
        constraint = sampler.random_cost(generator)
        paths = sampler.sample_between(0.95 * constraint, constraint, 200, generator)
        assert len(paths) == 200 and ((paths >= 0) & (paths < sampler.sizes)).all()
        costs = sampler.cost(paths)
        assert ((costs >= 0.95 * constraint) & (costs <= constraint)).all()
        if i % 5 == 0:
            assert count_parameters(space.derive(Genotype(sampler.choices(paths[0])))) == costs[0]


def test_limits_that_random_paths_hardly_ever_meet_can_be_searched():
    """The paper's smallest, 0.3 M parameters: one of forty thousand random paths."""
    sampler = PathSampler(SearchSpace(GuidedSRNet(channels=8)))
    paths = sampler.sample_between(0, 0.3e6, 100, torch.Generator().manual_seed(0))
    assert len(paths.unique(dim=0)) == 100 and (sampler.cost(paths) <= 0.3e6).all()


def test_the_guidance_is_seen_with_zero_mean_and_its_deviation_as_one():
    torch.manual_seed(0)
    plain = GuidedSRNet('dcnas-tiny-16x', channels=8)
    scramble(plain)
    normed = GuidedSRNet('dcnas-tiny-16x', channels=8, guide_mean=0.45, guide_std=0.225)
    normed.load_state_dict(plain.state_dict())
    target, guidance = torch.rand(1, 1, 21, 19), torch.rand(1, 3, 21, 19)
    with torch.no_grad():
        expected = plain(target, (guidance - 0.45) / 0.225)
        torch.testing.assert_close(normed(target, guidance), expected)
        assert (plain(target, guidance) - expected).abs().max() > 1e-3
    with pytest.raises(ValueError, match='guide_std=0'):
        GuidedSRNet('dcnas-tiny-16x', channels=8, guide_std=0)
