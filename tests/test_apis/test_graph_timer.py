"""Costs of candidates as exported graphs: every call is a graph that computes the same, and nothing counts twice."""
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from mmfusenas.apis import graph_timer
from mmfusenas.apis.graph_timer import GraphTimer
from mmfusenas.nas import Choice, SearchSpace, count_macs, measure_costs
from mmfusenas.nas.cost_table import CostTable

pytest.importorskip('onnxruntime')


class Cell(nn.Module):
    """A convolution, and a choice that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Conv2d(4, 4, 1)
        self.op = Choice(dict(three=nn.Conv2d(4, 4, 3, padding=1), skip=nn.Identity()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.op(self.op(self.before(x)))


class Net(nn.Module):
    """Two decisions on a path, one nested in the first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.cell = Choice(dict(plain=nn.Conv2d(4, 4, 5, padding=2), nested=Cell()))
        self.last = Choice(dict(conv=nn.Conv2d(4, 4, 1), pool=nn.MaxPool2d(1)))

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.last(nn.functional.avg_pool2d(self.cell(self.stem(inputs['infrared'])), 2))


def table_of(timer: Callable[[SearchSpace], GraphTimer]) -> CostTable:
    torch.manual_seed(0)
    space, image = SearchSpace(Net()), torch.rand(1, 1, 8, 12)
    return measure_costs(space, [image], lambda image: space.model(dict(infrared=image)), timer=timer(space))


def test_every_site_has_its_own_cost_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With multiply-adds in the place of times, which the table counts in another way."""
    def multiply_adds(self: GraphTimer, call: tuple[nn.Module, tuple]) -> float:
        module, args = call
        return float(count_macs(module, lambda: module(*args)).total())

    monkeypatch.setattr(GraphTimer, '_graph', multiply_adds)
    table = table_of(lambda space: GraphTimer(space, 'onnxruntime'))
    costs = [table.rest, *(cost for costs in table.choices.values() for cost in costs.values())]
    assert [cost['latency_ms'] for cost in costs] == [cost['macs'] for cost in costs]
    assert table.choices['cell']['nested']['macs'] == 4 * 4 * 8 * 12
    assert table.choices['cell.nested.op']['three']['macs'] == 2 * 9 * 4 * 4 * 8 * 12


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_graphs_compute_what_the_parts_do(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(runtime)
    differences, make, open_graph = [], graph_timer._Part, graph_timer.open_graph
    parts: list[nn.Module] = []
    monkeypatch.setattr(graph_timer, '_Part', lambda *call: parts.append(make(*call)) or parts[-1])

    def compared(path: str, runtime: str) -> Callable[[dict], dict]:
        graph, part = open_graph(path, runtime), parts[-1]

        def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            found = graph(inputs)
            with torch.no_grad():
                expected = part(*map(torch.from_numpy, inputs.values()))
            differences.extend(np.abs(a - b.numpy()).max() for a, b in zip(found.values(), expected, strict=True))
            return found
        return run

    monkeypatch.setattr(graph_timer, 'open_graph', compared)
    table = table_of(lambda space: GraphTimer(space, runtime, repeats=1))
    assert table.conditions['runtime'] == runtime and table.rest['latency_ms'] >= 0
    # rest 3; plain 1, nested 3; three 2, skip 2; conv 1, pool 1; each once before and once timed
    assert len(differences) == 2 * (3 + 1 + 3 + 2 + 2 + 1 + 1) and max(differences) < 1e-5


def test_what_no_graph_can_hold_is_said() -> None:
    class Sorted(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.linalg.svdvals(x).sum()

    space = SearchSpace(nn.Sequential(Choice(dict(skip=nn.Identity(), sort=Sorted()))))
    with pytest.raises(ValueError, match='Sorted cannot be measured in onnxruntime .*leave out --backend'):
        measure_costs(space, [torch.rand(1, 2, 4, 4)], timer=GraphTimer(space, 'onnxruntime'))
