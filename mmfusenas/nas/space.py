"""All choices of a model, and what else an upper level decides."""
from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.core.names import nearest
from mmfusenas.nas.choice import Choice
from mmfusenas.nas.genotype import Genotype, GenotypeSource
from mmfusenas.nas.loss_weights import LossWeights
from mmfusenas.nas.proxy import Proxy

Condition = tuple[tuple[str, str], ...]
"""Alternatives (choice, candidate): it holds where one of them is chosen."""


@dataclass(frozen=True)
class _Site:
    """Where a choice stands: its module, and the conditions under which it is used at all."""

    choice: Choice
    conditions: tuple[Condition, ...]


class SearchSpace:
    """All choices of a model, named by module path, in the fixed order of the module tree.

    A choice that stands inside a candidate of another choice is *active* only where that candidate is chosen, one
    inside an optional part (:meth:`Searchable.optional_parts`) only where the part is used. A choice that stands in
    several places, a shared module, is one choice: it has the name of the first, and is active where one of them is.

    ``loss_weights`` are the :class:`LossWeights` modules by path, which a genotype records as well, and ``proxies`` the
    :class:`Proxy` networks, which it does not.

    Args:
        model: Module that holds the choices. It is referred to, not copied.

    Attributes:
        choices: Choices by name, in order.
        loss_weights, proxies: The searched losses and the proxies, by name.
        decisions: Choices and loss weights: what a genotype records.
        variables: Decisions and proxies: what an upper level learns.

    Raises:
        ValueError: If the model itself is a Choice (a space holds choices; wrap it in a module).

    Example:
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.op = Choice(dict(skip=nn.Identity(), relu=nn.ReLU()))
        >>> space = SearchSpace(Net())
        >>> space.genotype().choices
        {'op': 'skip'}
    """

    def __init__(self, model: nn.Module) -> None:
        if isinstance(model, Choice):
            raise InputError('SearchSpace got a bare Choice; give the module that holds it.')
        self.model = model
        self._sites, self._names = _sites(model)
        self.optional = {path: _renamed(condition, self._names) for path, condition in _optional(model)}
        modules = dict(model.named_modules())
        self.choices: dict[str, Choice] = {name: site.choice for name, site in self._sites.items()}
        self.loss_weights = {path: module for path, module in modules.items() if isinstance(module, LossWeights)}
        self.proxies = {path: module for path, module in modules.items() if isinstance(module, Proxy)}
        self.decisions: dict[str, Choice | LossWeights] = {**self.choices, **self.loss_weights}
        self.variables: dict[str, Choice | LossWeights | Proxy] = {**self.decisions, **self.proxies}

    def conditions(self, name: str) -> tuple[Condition, ...]:
        """Return the conditions under which a variable is used, outermost first; all have to hold."""
        return self._sites[name].conditions if name in self._sites else ()

    def __len__(self) -> int:
        """Return the number of decisions that a genotype records."""
        return len(self.decisions)

    @property
    def hash(self) -> str:
        """Hash of the ordered names of choices, candidates, loss weights and terms: another hash, another space."""
        names = [[name, list(choice.candidates)] for name, choice in self.choices.items()]
        names += [[name, list(loss_weights.terms)] for name, loss_weights in self.loss_weights.items()]
        return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]

    def alphas(self, names: Iterable[str] | None = None) -> dict[str, nn.Parameter]:
        """Return what an upper level learns of the variables ``names`` (default: all), by name.

        That is one vector a choice and for loss weights, by its name, and the parameters of a proxy, by theirs.
        """
        tensors = {}
        for name in self.variables if names is None else names:
            variable = self.variables[name]
            own = variable.named_parameters() if isinstance(variable, Proxy) else [('', variable.alpha)]
            tensors.update({f'{name}.{inner}' if inner else name: tensor for inner, tensor in own})
        return tensors

    @torch.no_grad()
    def load_alphas(self, values: Mapping[str, Tensor]) -> None:
        """Copy what :meth:`alphas` gave of another model of this space into this one."""
        for name, tensor in self.alphas().items():
            tensor.copy_(values[name])

    def relax(self, names: Iterable[str] | None = None) -> None:
        """Make the choices ``names`` (default: all) a softmax-weighted sum of their candidates; and open the others."""
        for name in self.variables if names is None else names:
            self.variables[name].relax()

    def select(self, choices: Mapping[str, str]) -> None:
        """Make the named choices run one candidate each.

        Raises:
            ValueError: If a choice or a candidate is unknown; the message names the nearest one.
        """
        self._check_names(choices)
        for name, candidate in choices.items():
            self.choices[name].select(candidate)

    def sample(self, generator: torch.Generator | None = None) -> dict[str, str]:
        """Draw one candidate a choice, uniformly, and return the active ones."""
        drawn = {
            name: choice.candidates[int(torch.randint(len(choice.candidates), (), generator=generator))]
            for name, choice in self.choices.items()
        }
        return self.active(drawn)

    def active(self, choices: Mapping[str, str]) -> dict[str, str]:
        """Return ``choices`` without those that stand inside a candidate that is not chosen."""
        return {
            name: choices[name]
            for name, site in self._sites.items()
            if holds(site.conditions, choices)
        }

    def entropy(self) -> float:
        """Return the mean entropy of the choices in nats: log(number of candidates) at first, 0 when all are fixed."""
        values = [float(torch.special.entr(choice.probabilities().detach()).sum()) for choice in self.choices.values()]
        return sum(values) / max(len(values), 1)

    def genotype(self, costs: Mapping | None = None, source: Mapping | None = None) -> Genotype:
        """Return the genotype of the present choices: the selected candidates, or those of the largest alpha."""
        best = {name: choice.best() for name, choice in self.choices.items()}
        return Genotype(
            choices=self.active(best),
            space=type(self.model).__name__,
            space_hash=self.hash,
            costs=dict(costs or {}),
            source=dict(source or {}),
            weights={name: loss_weights.best() for name, loss_weights in self.loss_weights.items()},
            parts={path: dict(space=type(module).__name__, space_hash=SearchSpace(module).hash)
                   for path, module in searchable_parts(self.model).items()},
        )

    def check(self, genotype: Genotype) -> None:
        """Raise where ``genotype`` does not decide exactly this space.

        Raises:
            ValueError: With the first difference, if the genotype is of another space.
        """
        self._check_names(genotype.choices)
        missing = [name for name in self._needed(genotype.choices) if name not in genotype.choices]
        if missing:
            raise InputError(
                f'The genotype does not decide {missing[0]!r} of {type(self.model).__name__} '
                f'({len(missing)} choices missing). Is it the genotype of another space?{_part_hint(genotype)}'
            )
        self._check_weights(genotype)
        if genotype.space_hash and genotype.space_hash != self.hash:
            raise InputError(
                f'The genotype is of the space {genotype.space} {genotype.space_hash}, this model is '
                f'{type(self.model).__name__} {self.hash}: the candidates differ. Build the model with the candidates '
                'of the search, or search this space.'
            )

    def derive(self, genotype: Genotype) -> nn.Module:
        """Return a compact copy of the model with the weights of the chosen candidates.

        The copy holds no choice: the chosen candidate stands where the choice stood.

        Raises:
            ValueError: If the genotype is of another space.
        """
        self.check(genotype)
        model = copy.deepcopy(self.model)
        prune(model, genotype)
        return model

    def _check_weights(self, genotype: Genotype) -> None:
        if set(genotype.weights) != set(self.loss_weights):
            raise InputError(f'The genotype has the weights {sorted(genotype.weights)}, {type(self.model).__name__} '
                             f'needs {sorted(self.loss_weights)}.{_part_hint(genotype)}')
        for name, loss_weights in self.loss_weights.items():
            loss_weights.check(genotype.weights[name])

    def _needed(self, choices: Mapping[str, str]) -> list[str]:
        return [name for name, site in self._sites.items() if holds(site.conditions, choices)]

    def _check_names(self, choices: Mapping[str, str]) -> None:
        known = self.choices
        for name, candidate in choices.items():
            if name not in known:
                raise InputError(
                    f'{type(self.model).__name__} has no choice {name!r}{nearest(name, known)}. '
                    f'It has {len(known)} choices.'
                )
            if candidate not in known[name].candidates:
                raise InputError(
                    f'Choice {name!r} has no candidate {candidate!r}{nearest(candidate, known[name].candidates)}. '
                    f'Candidates: {list(known[name].candidates)}.'
                )


class Searchable:
    """Mixin of the modules that hold choices and take ``genotype=``.

    The supernet and its derived network are one class: the constructor builds the supernet and ends with
    ``self.specialize(genotype)``, which prunes it where a genotype is given.
    """

    def optional_parts(self) -> dict[str, Condition]:
        """Return the parts that only some decisions use: alternatives (choice, candidate) by path, seen from here.

        The module has to do without a part where none of them is chosen. None by default.
        """
        return {}

    def specialize(self, genotype: GenotypeSource | None) -> None:
        """Prune this module to ``genotype`` (a name, file, dict or Genotype); leave a supernet where it is None.

        Raises:
            ValueError: If the genotype is of another space.
            FileNotFoundError: If there is no such genotype.
        """
        if genotype is None:
            return
        found, space = Genotype.load(genotype), SearchSpace(self)
        try:
            space.check(found)
        except InputError as error:
            if isinstance(genotype, (str, os.PathLike)):
                raise InputError(f'The genotype {genotype} does not fit: {error}') from error
            raise
        _prune(space, found)


def searchable_parts(model: nn.Module) -> dict[str, nn.Module]:
    """Return the outermost :class:`Searchable` modules strictly inside ``model`` that hold choices, by path."""
    parts: dict[str, nn.Module] = {}
    for path, module in model.named_modules():
        inside = any(path.startswith(f'{outer}.') for outer in parts)
        if path and not inside and isinstance(module, Searchable) and len(SearchSpace(module)):
            parts[path] = module
    return parts


def holds(conditions: Iterable[Condition], choices: Mapping[str, str]) -> bool:
    """Return whether every condition has an alternative that is chosen."""
    return all(any(choices.get(name) == candidate for name, candidate in condition) for condition in conditions)


def prune(model: nn.Module, genotype: Genotype) -> None:
    """Replace, in place, all choices and loss weights in ``model`` by what was fixed, unused parts by nothing."""
    _prune(SearchSpace(model), genotype)


def _prune(space: SearchSpace, genotype: Genotype) -> None:
    model = space.model
    for path, condition in space.optional.items():
        if not holds([condition], genotype.choices):
            parent, _, name = path.rpartition('.')
            model.get_submodule(parent).register_module(name, nn.Identity())
    _replace(model, genotype.choices, '', space._names, {})
    fixed: dict[LossWeights, nn.Module] = {}
    for path, module in list(model.named_modules(remove_duplicate=False)):
        if isinstance(module, LossWeights):
            if module not in fixed:
                fixed[module] = module.derived(genotype.weights[path])
            parent, _, name = path.rpartition('.')
            model.get_submodule(parent).register_module(name, fixed[module])


def _replace(module: nn.Module, choices: Mapping[str, str], prefix: str, names: Mapping[str, str],
             derived: dict[Choice, nn.Module]) -> None:
    """Replace the choices below a module.

    Args:
        module: The module.
        choices: Candidates by choice.
        prefix: Path of the module, with its dot.
        names: What a choice is called, by its name at each of its places.
        derived: What has taken the place of a choice already, for its other places.
    """
    for name, child in _children(module):
        path = f'{prefix}{name}'
        while isinstance(child, Choice):
            candidate = choices[names[_choice_name(path, child)]]
            if child not in derived:
                derived[child] = child.derived(candidate)
            child, path = derived[child], f'{path}.{candidate}'
        module.register_module(name, child)
        _replace(child, choices, f'{path}.', names, derived)


def _children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the children of a module by name, one that has several names under each of them."""
    return [(name, child) for name, child in module._modules.items() if child is not None]


def _choice_name(path: str, choice: Choice) -> str:
    return f'{path}.{choice.label}' if choice.label else path


def _sites(model: nn.Module) -> tuple[dict[str, _Site], dict[str, str]]:
    """Return the choices of a model by name, and the name of a choice by its name at each of its places."""
    found = list(_walk(model, '', (), dict(_optional(model, remove_duplicate=False))))
    first: dict[Choice, str] = {}
    names = {name: first.setdefault(site.choice, name) for name, site in found}
    sites: dict[str, _Site] = {}
    for name, site in found:
        own, conditions = names[name], tuple(_renamed(condition, names) for condition in site.conditions)
        sites[own] = _Site(site.choice, _either(sites[own].conditions, conditions) if own in sites else conditions)
    return sites, names


def _renamed(condition: Condition, names: Mapping[str, str]) -> Condition:
    """Return a condition with the choices called by their own names."""
    return tuple((names.get(name, name), candidate) for name, candidate in condition)


def _either(first: tuple[Condition, ...], second: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return the conditions that hold where all of the first or all of the second hold, without those implied."""
    both = {frozenset((*one, *other)): tuple(dict.fromkeys((*one, *other))) for one in first for other in second}
    return tuple(condition for key, condition in both.items() if not any(other < key for other in both))


def _walk(module: nn.Module, prefix: str, conditions: tuple,
          optional: Mapping[str, Condition]) -> Iterable[tuple[str, _Site]]:
    for name, child in _children(module):
        path = f'{prefix}{name}'
        under = (*conditions, optional[path]) if path in optional else conditions
        if not isinstance(child, Choice):
            yield from _walk(child, f'{path}.', under, optional)
            continue
        choice_name = _choice_name(path, child)
        yield choice_name, _Site(child, under)
        for candidate in child.candidates:
            inner = nn.ModuleDict({candidate: child.get_submodule(candidate)})
            yield from _walk(inner, f'{path}.', (*under, ((choice_name, candidate), )), optional)


def _optional(model: nn.Module, remove_duplicate: bool = True) -> Iterable[tuple[str, Condition]]:
    """Yield the optional parts of ``model`` by path, with their conditions."""
    for path, module in model.named_modules(remove_duplicate=remove_duplicate):
        if isinstance(module, Searchable):
            start = f'{path}.' if path else ''
            for part, condition in module.optional_parts().items():
                yield f'{start}{part}', tuple((f'{start}{name}', candidate) for name, candidate in condition)


def _part_hint(genotype: Genotype) -> str:
    return f' It has parts, to be named as FILE#PART: {list(genotype.parts)}.' if genotype.parts else ''
