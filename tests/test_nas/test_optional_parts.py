"""Parts of a network that only some decisions use: they cost nothing, and are not there, where they are not used."""
import itertools

import pytest
import torch
from torch import nn

from mmfusenas.nas import Choice, SearchSpace
from mmfusenas.nas.cost_table import parameters_by_site
from mmfusenas.nas.expected_cost import ExpectedCost
from mmfusenas.nas.latency import Timer, measure_costs
from mmfusenas.nas.macs import count_macs
from mmfusenas.nas.space import Searchable
from mmfusenas.utils.complexity import count_parameters


class Both(nn.Module):
    def forward(self, x, y):
        return x + y


class First(nn.Module):
    def forward(self, x, y):
        return x


class Branches(Searchable, nn.Module):
    """Two mixes; the branch beside them is used by either, and holds a choice."""

    def __init__(self, genotype=None):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1),
                                    Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(1, 1, 1))))
        self.mixes = nn.ModuleList(Choice(dict(first=First(), both=Both())) for _ in range(2))
        self.head = nn.Conv2d(1, 2, 1)
        self.specialize(genotype)

    def optional_parts(self):
        return dict(branch=(('mixes.0', 'both'), ('mixes.1', 'both')))

    def forward(self, x):
        y = self.branch(x)
        for mix in self.mixes:
            x = mix(x, y)
        return self.head(x)


NAMES = ('branch.1', 'mixes.0', 'mixes.1')


def networks(space):
    for candidates in itertools.product(*(space.choices[name].candidates for name in NAMES)):
        yield dict(zip(NAMES, candidates))


@pytest.fixture
def space():
    torch.manual_seed(0)
    return SearchSpace(Branches())


def test_choices_of_an_unused_part_are_left_out(space):
    assert list(space.optional) == ['branch']
    for choices in networks(space):
        used = 'both' in (choices['mixes.0'], choices['mixes.1'])
        assert set(space.active(choices)) == set(NAMES if used else NAMES[1:])


def test_paths_are_those_of_the_model_around_it():
    space = SearchSpace(nn.ModuleDict(dict(net=Branches())))
    assert space.optional == {'net.branch': (('net.mixes.0', 'both'), ('net.mixes.1', 'both'))}
    assert space.conditions('net.branch.1') == (space.optional['net.branch'], )


def test_a_derived_network_is_without_it_and_costs_what_the_table_says(space):
    x = torch.rand(1, 1, 6, 8)
    table = measure_costs(space, [x], repeats=3)
    seen = set()
    for choices in networks(space):
        space.select(choices)
        genotype = space.genotype()
        derived = space.derive(genotype)
        assert isinstance(derived.branch, nn.Identity) == ('branch.1' not in genotype.choices)
        torch.testing.assert_close(derived(x), space.model(x))
        assert count_parameters(Branches(genotype)) == count_parameters(derived)
        predicted = table.predict(genotype)
        assert predicted['parameters'] == count_parameters(derived)
        assert predicted['macs'] == count_macs(derived, lambda net=derived: net(x)).total()
        space.choices['branch.1'].select(choices['branch.1'])
        cost = ExpectedCost(space, table, 'parameters')()
        assert float(cost) == pytest.approx(predicted['parameters'])
        seen.add(predicted['parameters'])
    assert seen == {4, 14, 16}


def test_expectation_is_the_mean_over_all_networks(space):
    table = measure_costs(space, [torch.rand(1, 1, 6, 8)], repeats=3)
    for seed, choice in enumerate(space.choices.values()):
        with torch.no_grad():
            choice.alpha.copy_(torch.randn(2, generator=torch.Generator().manual_seed(seed)))
    space.relax()
    expected = 0.0
    for choices in networks(space):
        chance = 1.0
        for name, candidate in choices.items():
            choice = space.choices[name]
            chance *= float(choice.probabilities()[choice.candidates.index(candidate)])
        active = space.active(choices)
        parts = [table.rest, *(table.choices[name][candidate] for name, candidate in active.items())]
        parts += [table.optional['branch']] if 'branch.1' in active else []
        expected += chance * sum(part['parameters'] for part in parts)
    assert float(ExpectedCost(space, table, 'parameters')()) == pytest.approx(expected, rel=1e-5)


def test_its_time_is_its_own(space):
    now = [0.0]

    class FakeTimer(Timer):
        def _now(self):
            return now[0]

    def takes(seconds):
        def hook(*_):
            now[0] += seconds
        return hook

    space.model.branch[0].register_forward_hook(takes(5.0))
    space.model.head.register_forward_hook(takes(2.0))
    space.model.branch[1].skip.register_forward_hook(takes(100.0))
    timer, x = FakeTimer(space, torch.device('cpu'), 3), torch.rand(1, 1, 6, 8)
    assert timer.time(lambda: space.model(x), space.model) == 2000.0
    assert timer.time(lambda: space.model.branch(x), space.model.branch) == 5000.0


def test_parameters_by_site(space):
    counts = parameters_by_site(space)
    assert counts[()] == 4 and counts['branch', ] == 10
    assert counts['branch.1', 'conv'] == 2 and counts['branch.1', 'skip'] == 0
