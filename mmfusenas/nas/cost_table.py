"""Table of the costs of all candidates of a search space, and its file."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.files import parse_json, write_text
from mmfusenas.core.names import nearest
from mmfusenas.nas.choice import Choice
from mmfusenas.nas.genotype import Genotype
from mmfusenas.nas.loss_weights import LossWeights
from mmfusenas.nas.space import SearchSpace, holds

COSTS = ('latency_ms', 'macs', 'parameters')
"""What a table knows of a candidate: milliseconds, multiply-adds, number of parameters."""

FORMAT = 2

Cost = dict[str, float]

Site = tuple[str, ...]
"""What has costs of its own: (choice, candidate), (optional part, ), or () for what lies outside both."""


@dataclass(frozen=True)
class CostTable:
    """Costs of every candidate of a search space, and of what lies outside all choices.

    The cost of a candidate is its own: choices inside it are left out and have entries of their own, so that the
    cost of a network is the sum over its active choices (TIM section 4.1 sums per layer; DCNAS eq. 11). Candidates that
    share weights are counted as they are in a derived network.

    Args:
        space_hash: ``SearchSpace.hash`` of the measured space.
        choices: ``{choice: {candidate: {'latency_ms', 'macs', 'parameters'}}}``.
        rest: The same costs of the fixed part.
        optional: ``{path: {'latency_ms', 'macs', 'parameters', 'used_by': [[choice, candidate], ...]}}`` of the fixed
            part of every optional part.
        conditions: What the figures hold for: ``input_shapes``, ``device``, ``torch``, ``threads``.
        name: What to call the table in messages: with its file, where it was read from one.

    Example:
        >>> import torch
        >>> from mmfusenas.nas.latency import measure_costs
        >>> net = nn.Sequential(Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(2, 2, 1, bias=False))))
        >>> table = measure_costs(SearchSpace(net), [torch.rand(1, 2, 5, 5)])
        >>> table.choices['0']['conv']['macs'], table.choices['0']['conv']['parameters']
        (100, 4)
    """

    space_hash: str
    choices: dict[str, dict[str, Cost]]
    rest: Cost
    conditions: dict[str, object]
    optional: dict[str, dict] = field(default_factory=dict)
    name: str = field(default='The cost table', compare=False)

    def save(self, path: str | os.PathLike) -> None:
        """Write the table as JSON, in one move."""
        content = dict(format=FORMAT, **asdict(self))
        del content['name']
        write_text(path, json.dumps(content, indent=2) + '\n')

    @classmethod
    def load(cls, path: str | os.PathLike) -> CostTable:
        """Read a table.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no cost table of this format.
        """
        if not Path(path).is_file():
            raise FileError(
                f'No cost table {path}: measure one, python tools/analysis_tools/build_latency_table.py CONFIG --out '
                f'{path}')
        data = parse_json(Path(path).read_bytes(), f'The cost table {path}')
        wanted = {'format', *cls.__dataclass_fields__} - {'name'}
        if not isinstance(data, dict) or set(data) != wanted or data['format'] != FORMAT:
            raise InputError(f'{path} is not a cost table of format {FORMAT}: it needs the fields {sorted(wanted)}.')
        data.pop('format')
        _check_costs(data, path)
        return cls(**data, name=f'The cost table {path}')

    def predict(self, genotype: Genotype) -> Cost:
        """Return the costs of the network that ``genotype`` makes: the fixed part and the chosen candidates.

        Raises:
            ValueError: If the genotype is of another space than the table.
        """
        if genotype.space_hash and genotype.space_hash != self.space_hash:
            raise InputError(f'{self.name} is of the space {self.space_hash}, the genotype of {genotype.space} '
                             f'{genotype.space_hash}; measure a table of that space.')
        optional = [costs for costs in self.optional.values() if holds([costs['used_by']], genotype.choices)]
        parts = [self.rest, *optional, *(self._candidate(*item) for item in genotype.choices.items())]
        return {name: sum(part[name] for part in parts) for name in self.rest}

    def check(self, space: SearchSpace, cost: str) -> None:
        """Raise where the table is not of ``space`` or knows no such cost.

        Raises:
            ValueError: If the cost is unknown, or names or numbers of parameters (another width, say) differ.
        """
        if cost not in self.rest:
            raise InputError(f'{self.name} has no cost={cost!r}; it knows {list(self.rest)}.')
        if space.hash != self.space_hash:
            raise InputError(f'{self.name} is of the space {self.space_hash}, {type(space.model).__name__} is '
                             f'{space.hash}: choices or candidates differ. Measure a table of this model.')
        for site, parameters in parameters_by_site(space).items():
            if len(site) == 2:
                measured = self._candidate(*site)['parameters']
            else:
                measured = (self.optional.get(*site, {}) if site else self.rest).get('parameters')
            if measured != parameters:
                where = ' of '.join(reversed(site)) if site else 'the fixed part'
                raise InputError(f'{self.name} has {measured} parameters for {where}, {type(space.model).__name__} '
                                 f'has {parameters}: another width? Measure a table of this model.')

    def _candidate(self, choice: str, candidate: str) -> Cost:
        if choice not in self.choices:
            raise InputError(f'{self.name} has no choice {choice!r}{nearest(choice, self.choices)}; '
                             'measure a table of this space.')
        if candidate not in self.choices[choice]:
            raise InputError(f'{self.name} has no candidate {candidate!r} of {choice!r}'
                             f'{nearest(candidate, self.choices[choice])}; measure a table of this space.')
        return self.choices[choice][candidate]


def parameters_by_site(space: SearchSpace) -> dict[Site, int]:
    """Count parameters by site; alphas are no parameters, and one that several sites share counts at the first."""
    counts, seen = {}, set()
    for site, root in site_roots(space).items():
        own = {parameter for module in own_modules(space, root) for parameter in module.parameters(recurse=False)}
        counts[site] = sum(parameter.numel() for parameter in own - seen)
        seen |= own
    return counts


def parameter_table(space: SearchSpace) -> CostTable:
    """Return a table of the numbers of parameters alone, for which nothing has to run.

    Example:
        >>> space = SearchSpace(nn.Sequential(Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(2, 2, 1, bias=False)))))
        >>> parameter_table(space).choices['0']['conv']
        {'parameters': 4}
    """
    return build_table(space, {site: dict(parameters=count) for site, count in parameters_by_site(space).items()}, {})


def build_table(space: SearchSpace, costs: Mapping[Site, Cost], conditions: dict[str, object]) -> CostTable:
    """Return the table of a space by the costs of its sites."""
    return CostTable(
        space_hash=space.hash, rest=costs[()], conditions=conditions,
        choices={name: {candidate: costs[name, candidate] for candidate in choice.candidates}
                 for name, choice in space.choices.items()},
        optional={path: dict(costs[(path, )], used_by=[list(pair) for pair in condition])
                  for path, condition in space.optional.items()})


def site_roots(space: SearchSpace) -> dict[Site, nn.Module]:
    """Return the module of every site: the model, its optional parts, the candidates as a derived network has them."""
    return {(): space.model, **{(path, ): space.model.get_submodule(path) for path in space.optional},
            **{(name, candidate): choice.derived(candidate) for name, choice in space.choices.items()
               for candidate in choice.candidates}}


def own_modules(space: SearchSpace, root: nn.Module) -> list[nn.Module]:
    """Return the modules of a site, without those of the choices and optional parts inside."""
    parts = {space.model.get_submodule(path) for path in space.optional}
    return list(_own_modules(root, parts))


def _own_modules(root: nn.Module, parts: set[nn.Module]) -> Iterator[nn.Module]:
    if isinstance(root, Choice | LossWeights):
        return
    yield root
    for child in root.children():
        if child not in parts:
            yield from _own_modules(child, parts)


def _check_costs(data: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Raise where the content of a table holds other than costs of at least 0: a search would seek the dearest."""
    try:
        costs = {'the fixed part': data['rest']}
        costs |= {f'the part {name}': part for name, part in data['optional'].items()}
        costs |= {f'{candidate} of {choice}': cost for choice, candidates in data['choices'].items()
                  for candidate, cost in candidates.items()}
        wrong = [(name, where, cost.get(name)) for where, cost in costs.items() for name in COSTS
                 if type(cost.get(name)) not in (int, float) or not 0 <= cost[name] < float('inf')]
    except AttributeError as error:
        raise InputError(f'The cost table {path} is none: it holds dicts of costs by choice and candidate.') from error
    if wrong:
        name, where, value = wrong[0]
        raise InputError(f'The cost table {path} has {name}={value} for {where} ({len(wrong)} such costs); costs are '
                         'numbers of at least 0. Measure it again.')
