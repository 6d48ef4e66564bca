"""Paths in batches: their costs against the table's own sums, and draws under constraints."""
import pytest
import torch
from torch import nn

from mmfusenas.nas import Choice, Genotype, SearchSpace
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
        assert sampler.choices(sampler.path(choices)) == choices
        assert float(found) == pytest.approx(table.predict(Genotype(choices))[cost])


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
        paths = sampler.between(target - 5, target, 50, generator)
        assert len(paths) == 50
        costs = sampler.cost(paths)
        assert ((costs >= target - 5) & (costs <= target)).all()


def test_what_cannot_be_met_is_an_error(space, table, monkeypatch):
    monkeypatch.setattr('mmfusenas.nas.sampling._MOST_DRAWS', 10_000)
    with pytest.raises(RuntimeError, match=r'Only 0 of 12,288 random paths cost between 1e\+06 and 2e\+06. Widen'):
        PathSampler(space, table).between(1e6, 2e6, 3)
    with pytest.raises(ValueError, match="cost='size'"):
        PathSampler(space, table, 'size')
    with pytest.raises(ValueError, match='is of the space'):
        PathSampler(SearchSpace(Branches()), table)
