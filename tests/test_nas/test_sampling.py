"""Paths in batches: their costs against the table's own sums, and draws under constraints."""
import re

import pytest
import torch
from torch import nn

from mmfusenas.nas import Choice, Genotype, LossWeights, SearchSpace
from mmfusenas.nas.latency import measure_costs
from mmfusenas.nas.sampling import PathSampler

from .test_optional_parts import Branches


class Nested(nn.Module):
    """A choice inside a candidate of another, beside a net with an optional branch."""

    def __init__(self):
        super().__init__()
        inner = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2), Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(1, 1, 1))))
        self.first = Choice(dict(skip=nn.Identity(), inner=inner, conv=nn.Conv2d(1, 1, 3, padding=1)))
        self.net = Branches()

    def forward(self, x):
        return self.net(self.first(x))


@pytest.fixture(scope='module')
def space():
    return SearchSpace(Nested())


@pytest.fixture(scope='module')
def table(space):
    return measure_costs(space, [torch.rand(1, 1, 6, 8)], repeats=3)


@pytest.mark.parametrize('cost', ['parameters', 'macs', 'latency_ms'])
def test_costs_are_the_sums_of_the_table(space, table, cost):
    sampler = PathSampler(space, table, cost)
    paths = torch.cartesian_prod(*(torch.arange(int(size)) for size in sampler.sizes))
    costs = sampler.cost(paths)
    assert len(costs.unique()) > 5
    for path, found in zip(paths, costs):
        choices = sampler.choices(path)
        everything = {name: candidates[i] for name, candidates, i in zip(sampler.names, sampler.candidates, path)}
        assert choices == space.active(everything)
        assert float(found) == pytest.approx(table.predict(Genotype(choices))[cost])


def test_a_space_without_a_choice_has_no_paths():
    space = SearchSpace(nn.Sequential(nn.Conv2d(1, 1, 1), LossWeights(['l1'])))
    with pytest.raises(ValueError, match='no choice. Is a genotype='):
        PathSampler(space)


def test_draws_are_uniform_and_repeat(space, table):
    sampler = PathSampler(space, table)
    paths = sampler.sample(6000, torch.Generator().manual_seed(3))
    assert torch.equal(paths, sampler.sample(6000, torch.Generator().manual_seed(3)))
    for column, size in zip(paths.T, sampler.sizes):
        shares = column.bincount(minlength=int(size)) / len(column)
        torch.testing.assert_close(shares, torch.full((int(size), ), 1 / int(size)), rtol=0, atol=0.03)


def test_constraints_are_kept(space, table):
    sampler, generator = PathSampler(space, table), torch.Generator().manual_seed(0)
    everything = sampler.cost(sampler.sample(2000, generator))
    for _ in range(20):
        target = sampler.random_cost(generator)
        assert target in everything
        paths = sampler.sample_between(target - 5, target, 50, generator)
        assert len(paths) == 50
        costs = sampler.cost(paths)
        assert ((costs >= target - 5) & (costs <= target)).all()


class Row(nn.Module):
    """Forty choices between nothing and a weight: costs are binomial."""

    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(*(Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(1, 1, 1, bias=False)))
                                     for _ in range(40)))

    def forward(self, x):
        return self.parts(x)


def test_rare_costs_are_reached_step_by_step():
    """Three of forty: one draw of a hundred million."""
    sampler = PathSampler(SearchSpace(Row()))
    generator = torch.Generator().manual_seed(0)
    paths = sampler.sample_between(2, 3, 200, generator)
    assert len(paths.unique(dim=0)) == 200 and set(sampler.cost(paths).tolist()) <= {2.0, 3.0}
    assert (paths.float().mean(0) < 0.2).all()  # not all from one corner of the space
    assert torch.equal(paths, sampler.sample_between(2, 3, 200, torch.Generator().manual_seed(0)))


def test_a_part_of_the_space_can_be_drawn_once():
    space = SearchSpace(Row())
    samplers = [PathSampler(space, fixed={r'parts\.[0-9]$': f'random:{seed}'})
                for seed in (1, 1, 2)]
    first, same, other = (sampler.sample(20) for sampler in samplers)
    columns = [i for i, name in enumerate(samplers[0].names) if re.search(r'parts\.[0-9]$', name)]
    rest = [i for i in range(first.shape[1]) if i not in columns]
    assert (first[:, columns] == first[0, columns]).all() and (first[:, columns] == same[:, columns]).all()
    assert not (first[:, columns] == other[:, columns]).all() and len(set(first[0, columns].tolist())) > 1
    assert not (first[:, rest] == first[0, rest]).all()
    assert samplers[0].all_fixed({r'parts\.[0-9]$': 'random:1'})
    assert not samplers[0].all_fixed({r'parts\.[0-9]$': 'random:2'})


def test_a_part_of_the_space_can_be_fixed():
    space = SearchSpace(Row())
    sampler = PathSampler(space, fixed={r'parts\.[0-9]$': 'conv', r'parts\.3.$': 'skip'})
    paths = sampler.sample(100)
    assert (paths[:, :10] == 1).all() and (paths[:, 30:] == 0).all()
    assert 0.4 < paths[:, 10:30].float().mean() < 0.6
    assert (sampler.sample_between(11, 11, 5)[:, :10] == 1).all()
    for fixed, message in (({'nothing': 'conv'}, 'matches none of the 40 choices'),
                           ({'parts': 'convv'}, "'parts.0' has not; it has")):
        with pytest.raises(ValueError, match=message):
            PathSampler(space, fixed=fixed)


def test_what_cannot_be_met_is_an_error(space, table, monkeypatch):
    monkeypatch.setattr('mmfusenas.nas.sampling._MAX_DRAWS', 10_000)
    with pytest.raises(RuntimeError, match=r'0 of 3 .*paths.* 1e\+06 and 2e\+06'):
        PathSampler(space, table).sample_between(1e6, 2e6, 3)
    with pytest.raises(ValueError, match="cost='size'"):
        PathSampler(space, table, 'size')
    with pytest.raises(ValueError, match='is of the space'):
        PathSampler(SearchSpace(Branches()), table)
