"""The expected-cost regulariser of TIM section 4.1."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter

import torch
from torch import Tensor

from mmfusenas.nas.cost_table import CostTable
from mmfusenas.nas.space import Condition, SearchSpace


class ExpectedCost:
    r"""Reg(alpha), the cost that the present choices are expected to have.

    TIM section 4.1, :math:`Reg(\alpha) = \sum_l \sum_o \mathrm{softmax}(\alpha_l)_o\, LAT(o)`. A choice inside a
    candidate of another is weighted with the probability that it is used at all, and the cost of the fixed part is
    added, so that for one-hot choices it is the cost of the derived network. Differentiable in the alphas.

    Args:
        space: The choices.
        table: Costs of their candidates.
        cost: ``'latency_ms'``, ``'macs'`` or ``'parameters'``. Defaults to the paper's latency.

    Raises:
        ValueError: If the table is of another space, or the cost is unknown.

    Example:
        >>> from torch import nn
        >>> from mmfusenas.nas import Choice
        >>> from mmfusenas.nas.latency import measure_costs
        >>> space = SearchSpace(nn.Sequential(Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(2, 2, 1, bias=False)))))
        >>> table = measure_costs(space, [torch.rand(1, 2, 5, 5)])
        >>> ExpectedCost(space, table, 'macs')().item()  # at equal chances of 0 and 100
        50.0
        >>> ExpectedCost(space, table, 'macs').uniform()
        50.0
    """

    def __init__(self, space: SearchSpace, table: CostTable, cost: str = 'latency_ms') -> None:
        table.check(space, cost)
        self.space, self.cost, self.rest = space, cost, table.rest[cost]
        self.optional = {path: costs[cost] for path, costs in table.optional.items()}
        self.costs = {name: torch.tensor([table.choices[name][key][cost] for key in choice.candidates],
                                         dtype=torch.float64) for name, choice in space.choices.items()}

    def __call__(self) -> Tensor:
        """Return the expected cost, a scalar tensor in the unit of the table."""
        return self._expected({name: choice.probabilities() for name, choice in self.space.choices.items()})

    def uniform(self) -> float:
        """Return the cost expected where all candidates of every choice have equal chances.

        It is a function of the space and the table alone: the present alphas and decisions do not count.
        """
        return float(self._expected({name: torch.full_like(costs, 1 / len(costs))
                                     for name, costs in self.costs.items()}))

    def _expected(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        total = self.rest
        for path, cost in self.optional.items():
            total = total + self._used([self.space.optional[path]], probabilities) * cost
        for name, chances in probabilities.items():
            used = self._used(self.space.conditions(name), probabilities)
            total = total + used * (chances @ self.costs[name].to(chances))
        return total

    def _used(self, conditions: Iterable[Condition], probabilities: Mapping[str, Tensor]) -> Tensor | float:
        """Return the probability that all conditions hold, the choices being independent."""
        used = 1.0
        for condition in conditions:
            unmet = 1.0
            for choice, alternatives in groupby(sorted(condition), key=itemgetter(0)):
                unmet = unmet * (1 - sum(probabilities[choice][self._index(*pair)] for pair in alternatives))
            used = used * (1 - unmet)
        return used

    def _index(self, choice: str, candidate: str) -> int:
        return self.space.choices[choice].candidates.index(candidate)
