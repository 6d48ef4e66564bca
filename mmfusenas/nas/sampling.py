"""Paths of a one-shot supernet: drawn, counted and kept under a constraint, thousands at a time."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError, StateError
from mmfusenas.nas.cost_table import CostTable, parameter_table
from mmfusenas.nas.space import Condition, SearchSpace

_BATCH = 4096
_MAX_DRAWS = 50 * _BATCH
_MAX_STEPS = 500
_POOL = 256


class PathSampler:
    """Draws paths of a search space, and knows what each costs (DCNAS section III-C).

    A batch of paths is a tensor of integers, N x L: the number of the candidate of every choice, in the order of the
    space. Entries of choices that are not used are there too, and count for nothing.

    Args:
        space: The choices.
        table: Costs of their candidates; None counts their parameters. Defaults to None.
        cost: ``'parameters'``, ``'macs'`` or ``'latency_ms'``. Defaults to 'parameters'.
        fixed: Candidates by regular expression: every choice that one matches, by ``re.search``, always has that
            candidate; ``'random:SEED'`` draws one for each of them, the same for the same seed. So a part of the
            space alone is searched (DCNAS table VIII, a mean over ten draws). Defaults to none.

    Raises:
        ValueError: If the space has no choice, the table is of another one, the cost is unknown, or ``fixed`` matches
            no choice or names a candidate that one lacks.

    Example:
        >>> from torch import nn
        >>> from mmfusenas.nas import Choice, measure_costs
        >>> space = SearchSpace(nn.Sequential(Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(2, 2, 1, bias=False)))))
        >>> sampler = PathSampler(space, measure_costs(space, [torch.rand(1, 2, 5, 5)]))
        >>> sampler.cost(torch.tensor([[0], [1]])).tolist()
        [0.0, 4.0]
    """

    def __init__(self, space: SearchSpace, table: CostTable | None = None, cost: str = 'parameters',
                 fixed: Mapping[str, str] | None = None) -> None:
        if not space.choices:
            raise InputError('There are no paths: the model has no choice. Is a genotype= set that already decides '
                             'them?')
        if table is not None:
            table.check(space, cost)
        elif cost == 'parameters':
            table = parameter_table(space)
        else:
            raise InputError(f'cost={cost!r} needs a table of costs: measure one, python '
                             'tools/analysis_tools/build_latency_table.py CONFIG --out FILE, and give table=FILE.')
        self.names = list(space.choices)
        self.candidates = [choice.candidates for choice in space.choices.values()]
        self.sizes = torch.tensor([len(candidates) for candidates in self.candidates])
        self.rest = table.rest[cost]
        self.costs = self._by_candidate({(name, candidate): table.choices[name][candidate][cost]
                                         for name, candidates in zip(self.names, self.candidates)
                                         for candidate in candidates})
        self.optional = [(self._alternatives(condition), table.optional[path][cost])
                         for path, condition in space.optional.items()]
        self.conditions: dict[Condition, list[int]] = {}
        for i, name in enumerate(self.names):
            for condition in space.conditions(name):
                self.conditions.setdefault(condition, []).append(i)
        self.masks = {condition: self._alternatives(condition) for condition in self.conditions}
        self.fixed = dict(column for item in (fixed or {}).items() for column in self._fixed_by(*item))

    @property
    def hash(self) -> str:
        """Hash of what paths cost: with another one the same constraint allows other paths."""
        costs = [self.rest, self.costs.tolist(), [cost for _, cost in self.optional]]
        return hashlib.sha256(repr(costs).encode()).hexdigest()[:16]

    def sample(self, number: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw paths, every choice uniformly."""
        draws = torch.rand(number, len(self.sizes), generator=generator, dtype=torch.float64)
        paths = (draws * self.sizes).long()
        paths[:, list(self.fixed)] = torch.tensor(list(self.fixed.values()), dtype=torch.long)
        return paths

    def active(self, paths: Tensor) -> Tensor:
        """Return which choices are used, N x L booleans."""
        active = torch.ones_like(paths, dtype=torch.bool)
        for condition, columns in self.conditions.items():
            active[:, columns] &= _any(self.masks[condition], paths)[:, None]
        return active

    def cost(self, paths: Tensor) -> Tensor:
        """Return what the networks of the paths cost (eq. 11), N numbers in the unit of the table."""
        own = self.costs.expand(len(paths), -1, -1).gather(2, paths[..., None])[..., 0]
        total = self.rest + (own * self.active(paths)).sum(1)
        for mask, cost in self.optional:
            total = total + cost * _any(mask, paths)
        return total

    def random_cost(self, generator: torch.Generator | None = None) -> float:
        """Draw a constraint: the cost of a random path (eq. 10)."""
        return float(self.cost(self.sample(1, generator)))

    def sample_between(self, lowest: float, highest: float, number: int,
                       generator: torch.Generator | None = None) -> Tensor:
        """Draw paths that cost no less and no more than that (eq. 12), by drawing until enough are accepted.

        Where so few are accepted that this would take minutes, those drawn that come nearest are changed step by step,
        one or two choices each, until enough different ones cost what is asked for.

        Raises:
            RuntimeError: If there are too few such paths.
        """
        accepted, nearest = [], self.sample(0)
        for _ in range(_MAX_DRAWS // _BATCH):
            paths = self.sample(_BATCH, generator)
            distance = self._distance(paths, lowest, highest)
            accepted.append(paths[distance == 0])
            if sum(map(len, accepted)) >= number:
                return torch.cat(accepted)[:number]
            pool = torch.cat([nearest, paths])
            nearest = pool[self._distance(pool, lowest, highest).argsort(stable=True)[:max(2 * number, _POOL)]]
        return self._walk(nearest, lowest, highest, number, generator)

    def _walk(self, paths: Tensor, lowest: float, highest: float, number: int,
              generator: torch.Generator | None) -> Tensor:
        """Change paths until enough different ones cost what is asked for; a change that leads away is taken back."""
        for _ in range(_MAX_STEPS):
            inside = paths[self._distance(paths, lowest, highest) == 0].unique(dim=0)
            if len(inside) >= number:
                return inside[torch.randperm(len(inside), generator=generator)[:number]]
            changed = torch.rand(paths.shape, generator=generator) < 2 / len(self.sizes)
            moved = torch.where(changed, self.sample(len(paths), generator), paths)
            closer = self._distance(moved, lowest, highest) <= self._distance(paths, lowest, highest)
            paths = torch.where(closer[:, None], moved, paths)
        raise StateError(f'Found only {len(inside)} of {number} different paths that cost between {lowest:g} and '
                         f'{highest:g}. Widen the range; {self.cost_summary()}.')

    def _distance(self, paths: Tensor, lowest: float, highest: float) -> Tensor:
        """Return how far the costs of paths are from a range, 0 inside it."""
        costs = self.cost(paths)
        return (lowest - costs).clamp(min=0) + (costs - highest).clamp(min=0)

    def cost_summary(self) -> str:
        """Say what random paths cost."""
        costs = self.cost(self.sample(_BATCH, torch.Generator().manual_seed(0)))
        return f'random paths cost {costs.min():g} to {costs.max():g}, {costs.mean():g} on average'

    def all_fixed(self, fixed: Mapping[str, str]) -> bool:
        """Return whether every path has the candidates that ``fixed`` names, as in the arguments."""
        return all(self.fixed.get(column) == candidate for item in fixed.items()
                   for column, candidate in self._fixed_by(*item))

    def choices(self, path: Tensor) -> dict[str, str]:
        """Return the decisions of one path, L numbers, that are used."""
        active = self.active(path[None])[0].tolist()
        return {name: candidates[i] for name, candidates, i, used in
                zip(self.names, self.candidates, path.tolist(), active) if used}

    def _fixed_by(self, pattern: str, candidate: str) -> list[tuple[int, int]]:
        """Return number and candidate of the choices that a pattern fixes."""
        columns = [i for i, name in enumerate(self.names) if re.search(pattern, name)]
        seed = re.fullmatch(r'random:(\d+)', candidate)
        if columns and seed:
            draws = torch.rand(len(columns), generator=torch.Generator().manual_seed(int(seed[1])))
            return [(i, int(draw * self.sizes[i])) for i, draw in zip(columns, draws)]
        lacking = [self.names[i] for i in columns if candidate not in self.candidates[i]]
        if lacking or not columns:
            raise InputError(f'PathSampler got fixed={{{pattern!r}: {candidate!r}}}, which ' + (
                f'{lacking[0]!r} has not; it has {list(self.candidates[self.names.index(lacking[0])])}.' if lacking
                else f'matches none of the {len(self.names)} choices, such as {self.names[0]!r}.'))
        return [(i, self.candidates[i].index(candidate)) for i in columns]

    def _by_candidate(self, values: Mapping[tuple[str, str], float]) -> Tensor:
        """Return values by (choice, candidate) as L x (most candidates)."""
        table = torch.zeros(len(self.names), int(self.sizes.max()), dtype=torch.float64)
        for (name, candidate), value in values.items():
            i = self.names.index(name)
            table[i, self.candidates[i].index(candidate)] = value
        return table

    def _alternatives(self, condition: Condition) -> Tensor:
        return self._by_candidate(dict.fromkeys(condition, 1.0)).bool()


def path_sampler(space: SearchSpace, table: str | None, cost: str, fixed: dict[str, str] | None = None) -> PathSampler:
    """Return the sampler of a space by a file of costs, or by numbers of parameters, which need no file."""
    return PathSampler(space, CostTable.load(table) if table else None, cost, fixed)


def _any(mask: Tensor, paths: Tensor) -> Tensor:
    """Return whether a path has one of the marked candidates, N booleans."""
    columns = mask.any(1).nonzero()[:, 0]
    marked = mask[columns].expand(len(paths), -1, -1)
    return marked.gather(2, paths[:, columns, None])[..., 0].any(1)
