"""Cost tables and the expected-cost regulariser on a small nested space, whose networks can all be enumerated."""
import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmfusenas.nas import Choice, Genotype, SearchSpace
from mmfusenas.nas.cost_table import COSTS, CostTable, parameters_by_site
from mmfusenas.nas.expected_cost import ExpectedCost
from mmfusenas.nas.latency import Timer, measure_costs
from mmfusenas.nas.macs import count_macs
from mmfusenas.registry import MODELS


class Cell(nn.Module):
    """A cell whose own convolution is outside the choice that it holds."""

    def __init__(self, width):
        super().__init__()
        self.before = nn.Conv2d(width, width, 1)
        self.op = Choice(dict(skip=nn.Identity(), three=nn.Conv2d(width, width, 3, padding=1, groups=width),
                              up=nn.Sequential(nn.ConvTranspose2d(width, width, 2, stride=2), nn.AvgPool2d(2))))

    def forward(self, x):
        return self.op(self.before(x))


class Net(nn.Module):
    """Two decisions on a path, one nested in the first; the last runs at half size."""

    def __init__(self, width=4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.PReLU())
        self.cell = Choice(dict(plain=nn.Conv2d(width, width, 5, padding=2), nested=Cell(width)), label='type')
        self.last = Choice(dict(conv=nn.Conv2d(width, width, 1, bias=False), pool=nn.MaxPool2d(1)))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.last(nn.functional.avg_pool2d(self.cell(self.stem(x)), 2))
        return self.head(x.mean((2, 3)))


INPUT = torch.rand(1, 1, 8, 12)


@pytest.fixture
def space():
    return SearchSpace(Net().double())


def tabulate(space):
    return measure_costs(space, [INPUT.double()], repeats=3)


def networks(space):
    """Every network of the space: its active choices and the probability that alphas give it."""
    names = list(space.choices)
    for candidates in itertools.product(*(choice.candidates for choice in space.choices.values())):
        chosen = dict(zip(names, candidates))
        probability = 1.0
        for name, candidate in chosen.items():
            choice = space.choices[name]
            probability *= float(choice.alpha.softmax(0)[choice.candidates.index(candidate)])
        yield space.active(chosen), probability


def real_cost(space, choices):
    net = space.derive(Genotype(choices)).eval()
    return dict(parameters=sum(p.numel() for p in net.parameters()),
                macs=count_macs(net, lambda: net(INPUT.double())).total())


def set_alphas(space, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for alpha in space.alphas().values():
        alpha.data = torch.randn(alpha.shape, generator=generator, dtype=torch.float64)


# --- counting -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('layer, shape, expected', [
    (nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2), (2, 6, 7, 9), 2 * 4 * 5 * 8 * 3 * 9),
    (nn.Conv2d(2, 4, 3, padding=2, dilation=2, padding_mode='reflect'), (1, 2, 5, 5), 25 * 4 * 2 * 9),
    (nn.Conv1d(1, 1, 3, padding=1), (1, 1, 10), 30),
    (nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2), (1, 6, 5, 7), 35 * 6 * 2 * 9),
    (nn.Linear(5, 3), (2, 4, 5), 8 * 15),
    (nn.BatchNorm2d(2), (1, 2, 5, 5), 0)])
def test_macs_closed_forms(layer, shape, expected):
    layer.eval()
    assert count_macs(layer, lambda: layer(torch.rand(shape))).total() == expected


def test_macs_are_those_that_torch_counts():
    net = MODELS.build(dict(type='mmfusenas.TIMFusion', genotype='tim-light')).eval()
    inputs = dict(visible=torch.rand(1, 3, 24, 30), infrared=torch.rand(1, 1, 24, 30))
    with FlopCounterMode(display=False) as counter:
        net(inputs)
    assert count_macs(net, lambda: net(inputs)).total() == counter.get_total_flops() / 2


def test_macs_count_a_layer_as_often_as_it_runs_and_leave_no_hook():
    layer = nn.Linear(2, 2)
    assert count_macs(layer, lambda: layer(layer(torch.rand(1, 2)))).total() == 8
    assert not layer._forward_hooks


def test_costs_closed_forms(space):
    """96 positions at full size, 24 at half size."""
    table = tabulate(space)
    costs = {name: {key: (cost['macs'], cost['parameters']) for key, cost in candidates.items()}
             for name, candidates in table.choices.items()}
    assert costs == {
        'cell.type': {'plain': (96 * 4 * 4 * 25, 4 * 4 * 25 + 4), 'nested': (96 * 16, 16 + 4)},
        'cell.nested.op': {'skip': (0, 0), 'three': (96 * 4 * 9, 4 * 9 + 4), 'up': (96 * 16 * 4, 16 * 4 + 4)},
        'last': {'conv': (24 * 16, 16), 'pool': (0, 0)}}
    assert table.rest['macs'] == 96 * 4 * 9 + 12
    assert table.rest['parameters'] == (36 + 4) + 8 + 1 + (12 + 3)
    latencies = [cost['latency_ms'] for candidates in table.choices.values() for cost in candidates.values()]
    assert min(latencies) > 0 and table.rest['latency_ms'] > 0
    assert table.conditions['input_shapes'] == [[1, 1, 8, 12]]
    assert table.conditions['torch'] == torch.__version__
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file() and 'model name' in cpuinfo.read_text():
        assert len(table.conditions['device']) > 4 and table.conditions['device'][4:] in cpuinfo.read_text()


def test_a_parameter_that_candidates_share_counts_once():
    shared = nn.Conv2d(2, 2, 1, bias=False)
    wider = nn.Sequential(shared, nn.Conv2d(2, 2, 3, padding=1, bias=False))
    assert parameters_by_site(SearchSpace(nn.Sequential(Choice(dict(one=shared, two=wider))))) == {
        (): 0, ('0', 'one'): 4, ('0', 'two'): 36}


def test_progress_goes_over_everything_that_is_timed(space):
    seen = []
    measure_costs(space, [INPUT.double()], repeats=3, track=lambda sites: seen.extend(sites) or sites)
    assert len(seen) == 1 + 2 + 3 + 2 and ('cell.nested.op', 'up') in seen
    with pytest.raises(ValueError, match='repeats=1; a median needs at least 3'):
        measure_costs(space, [INPUT.double()], repeats=1)


def test_measuring_changes_nothing(space):
    space.choices['last'].select('pool')
    space.choices['cell.type'].relax()
    space.model.stem[1].eval()
    state = {name: value.clone() for name, value in space.model.state_dict().items()}
    tabulate(space)
    assert all(torch.equal(value, state[name]) for name, value in space.model.state_dict().items())
    assert [module.training for module in (space.model, space.model.stem[1], space.model.head)] == [True, False, True]
    assert space.choices['last'].selected == 'pool' and not space.choices['last'].relaxed
    assert space.choices['cell.type'].relaxed and space.choices['cell.type'].selected is None
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in space.model.modules())


def test_a_choice_that_does_not_run_is_an_error(space):
    with pytest.raises(ValueError, match="Choice 'last' of Net did not run"):
        measure_costs(space, [INPUT.double()], run=lambda x: space.model.cell(space.model.stem(x)))
    assert not any(choice.relaxed or choice.selected for choice in space.choices.values())


class Ticking(nn.Module):
    """Takes a known time on a fake timer."""

    def __init__(self, timer, ticks, inner=None):
        super().__init__()
        self.timer, self.ticks, self.inner = timer, ticks, inner

    def forward(self, x):
        self.timer[0] += self.ticks
        return x if self.inner is None else self.inner(x)


def test_the_timer_leaves_out_choices_inside():
    now = [0.0]
    inner = Choice(dict(slow=Ticking(now, 100.0)))
    outer = Choice(dict(nested=Ticking(now, 3.0, inner)))
    net = Ticking(now, 7.0, outer)

    class FakeTimer(Timer):
        def _now(self):
            return now[0]

    timer = FakeTimer(SearchSpace(net), torch.device('cpu'), repeats=3)
    assert timer.time(lambda: net(0), net) == 7000.0
    assert timer.time(lambda: outer.nested(0), outer.nested) == 3000.0
    assert timer.time(lambda: inner.slow(0), inner.slow) == 100000.0


def test_the_timer_returns_the_median_of_the_runs_after_the_first():
    times, now = iter([9.0, 1.0, 8.0, 2.0]), [0.0]

    class FakeTimer(Timer):
        def _now(self):
            return now[0]

    def run():
        now[0] += next(times)

    # Runs of seconds: three, however many repeats are allowed. Their median is 2, their mean and their extremes not.
    timer = FakeTimer(SearchSpace(Net()), torch.device('cpu'), repeats=9)
    assert timer.time(run, nn.Identity()) == 2000.0


# --- expectation ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('cost', ['macs', 'parameters'])
def test_expectation_over_every_network(space, cost):
    set_alphas(space)
    expected = sum(probability * real_cost(space, choices)[cost] for choices, probability in networks(space))
    got = ExpectedCost(space, tabulate(space), cost)()
    assert got.shape == () and got.item() == pytest.approx(expected, rel=1e-12)


def test_a_part_used_by_several_candidates_is_expected_where_any_is_chosen(space):
    set_alphas(space)
    chances = {name: choice.alpha.softmax(0).tolist() for name, choice in space.choices.items()}
    candidates = {name: choice.candidates for name, choice in space.choices.items()}
    any_of = frozenset({('cell.nested.op', 'three'), ('cell.nested.op', 'up'), ('last', 'pool')})
    wanted = sum(
        math.prod(chances[name][candidates[name].index(chosen)] for name, chosen in zip(candidates, path))
        for path in itertools.product(*candidates.values()) if any_of & set(zip(candidates, path)))
    regulariser = ExpectedCost(space, tabulate(space))
    found = regulariser._used([any_of], {name: torch.tensor(values).double() for name, values in chances.items()})
    assert float(found) == pytest.approx(wanted, rel=1e-6) and 0.2 < wanted < 0.999


def test_latency_expectation_is_that_of_the_table(space):
    set_alphas(space)
    table = tabulate(space)
    expected = sum(probability * table.predict(Genotype(choices))['latency_ms']
                   for choices, probability in networks(space))
    assert ExpectedCost(space, table)().item() == pytest.approx(expected, rel=1e-9)


def test_one_hot_and_prediction_equal_the_derived_network(space):
    table = tabulate(space)
    regularisers = {cost: ExpectedCost(space, table, cost) for cost in COSTS}
    seen = set()
    for choices, _ in networks(space):
        for name, choice in space.choices.items():
            choice.alpha.data = torch.full_like(choice.alpha, -1e3)
            choice.alpha.data[choice.candidates.index(choices.get(name, choice.candidates[0]))] = 0
        real, predicted = real_cost(space, choices), table.predict(Genotype(choices, space_hash=space.hash))
        for cost, regulariser in regularisers.items():
            assert regulariser().item() == pytest.approx(predicted[cost], rel=1e-12)
        assert {name: predicted[name] for name in real} == real
        space.select({name: choices.get(name, choice.candidates[0]) for name, choice in space.choices.items()})
        assert regularisers['macs']().item() == real['macs']  # a single path is one-hot too
        space.relax()
        seen.add(real['macs'])
    assert len(seen) == 8


def test_gradient_against_finite_differences(space):
    set_alphas(space)
    regulariser = ExpectedCost(space, tabulate(space), 'macs')
    alphas = list(space.alphas().values())
    for alpha in alphas:
        alpha.requires_grad_()
    grads = torch.autograd.grad(regulariser(), alphas)
    for alpha, grad in zip(alphas, grads):
        for index in range(len(alpha)):
            ends = []
            for width in (1e-4, -1e-4):
                alpha.data[index] += width
                ends.append(regulariser().item())
                alpha.data[index] -= width
            assert grad[index].item() == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-6)


def test_uniform_is_of_the_space_and_the_table_alone(space):
    table = tabulate(space)
    regulariser = ExpectedCost(space, table)
    expected = regulariser().item()  # all alphas are 0
    assert regulariser.uniform() == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(sum(
        probability * table.predict(Genotype(choices))['latency_ms'] for choices, probability in networks(space)))
    set_alphas(space)
    assert regulariser().item() != pytest.approx(expected)
    assert regulariser.uniform() == pytest.approx(expected, rel=1e-12)
    space.select({name: choice.candidates[0] for name, choice in space.choices.items()})
    assert regulariser.uniform() == pytest.approx(expected, rel=1e-12)


# --- files and errors -----------------------------------------------------------------------------------------------

def test_file_round_trip(space, tmp_path):
    table = tabulate(space)
    path = tmp_path / 'new' / 'table.json'
    table.save(path)
    assert CostTable.load(path) == table
    assert [entry.name for entry in path.parent.iterdir()] == ['table.json']


def test_a_table_of_another_space_is_an_error(space):
    table = tabulate(space)
    other = Net()
    other.last = nn.Identity()
    with pytest.raises(ValueError, match='choices or candidates differ'):
        ExpectedCost(SearchSpace(other), table)
    with pytest.raises(ValueError, match=r'404 parameters for plain of cell\.type.* 1232'):
        ExpectedCost(SearchSpace(Net(width=7)), _with_rest_of(table, 7))
    with pytest.raises(ValueError, match='for the fixed part, Net has'):
        ExpectedCost(SearchSpace(Net(width=5)), table)
    with pytest.raises(ValueError, match='the genotype of TIMFusion 12345'):
        table.predict(Genotype({}, space='TIMFusion', space_hash='12345'))
    with pytest.raises(ValueError, match="no choice 'lost'; the nearest is 'last'"):
        table.predict(Genotype({'lost': 'conv'}))
    with pytest.raises(ValueError, match="no candidate 'pol' of 'last'; the nearest is 'pool'"):
        table.predict(Genotype({'last': 'pol'}))
    with pytest.raises(ValueError, match="no cost='flops'; it knows"):
        ExpectedCost(space, table, 'flops')


def _with_rest_of(table, width):
    rest = dict(table.rest, parameters=width * 9 + width + 2 * width + 1 + 3 * width + 3)
    return CostTable(table.space_hash, table.choices, rest, table.conditions)


def test_tracked_tables_are_read():
    folder = Path(__file__).parent.parent.parent / 'benchmarks/records'
    tables = {str(path.relative_to(folder)): CostTable.load(path) for path in folder.rglob('*.json')
              if '"space_hash"' in (text := path.read_text()) and '"conditions"' in text}
    table = tables['latency/latency_448x620.json']
    runs = json.loads((folder / 'latency.json').read_text())
    found = Genotype.from_dict(runs['lambda-0.5-0']['genotype.json'])
    assert table.predict(found)['latency_ms'] == pytest.approx(103, abs=0.5)  # as docs/en/results/tim.md has it


def test_files_that_are_no_table(space, tmp_path):
    path = tmp_path / 'table.json'
    with pytest.raises(FileNotFoundError, match='build_latency_table.py'):
        CostTable.load(path)
    path.write_text('{"format": 1')
    with pytest.raises(ValueError, match='is not JSON'):
        CostTable.load(path)
    path.write_text(json.dumps(dict(format=1, choices={})))
    with pytest.raises(ValueError, match='is not a cost table of format 2'):
        CostTable.load(path)
    tabulate(space).save(path)
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(ValueError, match='is not a cost table of format 2'):
        CostTable.load(path)


@pytest.mark.parametrize('value', ['-1.0', 'NaN', 'Infinity', 'null', '"fast"', 'true'])
@pytest.mark.parametrize('part', ['rest', 'choices'])
def test_costs_that_are_none(space, tmp_path, part, value):
    """NaN once ended a search with a message about its images; below zero, the dearest network won."""
    path = tmp_path / 'table.json'
    tabulate(space).save(path)
    content = json.loads(path.read_text())
    cost = content['rest'] if part == 'rest' else next(iter(next(iter(content['choices'].values())).values()))
    cost['latency_ms'] = 'HERE'
    path.write_text(json.dumps(content).replace('"HERE"', value))
    with pytest.raises(ValueError, match=r'table\.json has latency_ms=.* for .* \(1 such costs\); costs are numbers'):
        CostTable.load(path)
    content['choices'] = [1]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='table.json is none: it holds dicts of costs'):
        CostTable.load(path)
