"""Several weights, searched together: how much each term of a loss counts."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmfusenas.core.errors import InputError, StateError
from mmfusenas.core.names import nearest


class LossWeights(nn.Module):
    """Non-negative weights of named terms, the continuous counterpart of a :class:`Choice`.

    As a choice's, ``alpha`` is a parameter with ``requires_grad=False`` and no ``.grad``, which only hyper-gradient
    strategies differentiate; here it holds the weights themselves. New ones are neither relaxed nor fixed: using them
    is an error, so that no training goes on with weights that nobody chose. Fixed, they are :class:`FixedLossWeights`.

    Args:
        terms: Names of the terms.
        start: Weight that every term begins with, at least 0. Defaults to 1.0.

    Raises:
        ValueError: If there is no term, one is named twice, or ``start`` is negative.
        RuntimeError: On using weights that are neither relaxed nor fixed.

    Example:
        >>> weights = LossWeights(['l1', 'ssim'])
        >>> weights.relax()
        >>> weights(dict(l1=torch.tensor(2.0), ssim=torch.tensor(0.5)))
        {'l1': tensor(2.), 'ssim': tensor(0.5000)}
    """

    def __init__(self, terms: Sequence[str], start: float = 1.0) -> None:
        super().__init__()
        if not terms or len(set(terms)) < len(terms) or start < 0:
            raise InputError(f'LossWeights got terms={list(terms)} and start={start}; it needs terms of different '
                             'names, and a weight of at least 0.')
        self.terms = tuple(terms)
        self.alpha = nn.Parameter(torch.full((len(self.terms),), float(start)), requires_grad=False)
        self.relaxed, self.is_fixed = False, False

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the terms that have to be computed: all, because even one of weight 0 has a gradient."""
        return self.terms

    def relax(self) -> None:
        """Leave the weights to the upper level."""
        self.relaxed, self.is_fixed = True, False

    def fix(self) -> dict[str, float]:
        """Keep the weights as they are, and return them."""
        self.relaxed, self.is_fixed = False, True
        return self.best()

    def best(self) -> dict[str, float]:
        """Return the present weights by name."""
        return dict(zip(self.terms, self.alpha.tolist()))

    @torch.no_grad()
    def project(self) -> None:
        """Bring the weights back to what is allowed, after a step of the upper level: none is below 0."""
        self.alpha.clamp_(min=0)

    def derived(self, weights: Mapping[str, float]) -> FixedLossWeights:
        """Return what stands in the place of the weights once they are fixed."""
        return FixedLossWeights({term: float(weights[term]) for term in self.check(weights)})

    def check(self, weights: Mapping[str, float]) -> tuple[str, ...]:
        """Return the terms, or raise a ValueError where ``weights`` are not those of exactly them."""
        for term in weights:
            if term not in self.terms:
                raise InputError(f'There is no term {term!r}{nearest(term, self.terms)}. Terms: {list(self.terms)}.')
        missing = [term for term in self.terms if term not in weights]
        if missing:
            raise InputError(f'No weight of the terms {missing}; given are those of {list(weights)}.')
        wrong = {term: weight for term, weight in weights.items() if not 0 <= float(weight) < float('inf')}
        if wrong:
            raise InputError(f'Weights of a loss are finite and at least 0; got {wrong}.')
        return self.terms

    def forward(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the terms, each times its weight."""
        if not self.relaxed and not self.is_fixed:
            raise StateError(f'The weights of {list(self.terms)} are neither relaxed nor fixed. Search them with '
                             'BilevelSearchHook in default_hooks, or pass genotype= with their weights.')
        return {name: weight * terms[name] for name, weight in zip(self.terms, self.alpha)}

    def extra_repr(self) -> str:
        return f'terms={self.terms}, is_fixed={self.is_fixed}'


class FixedLossWeights(nn.Module):
    """The fixed weights of named terms: plain numbers.

    Args:
        weights: Weights by name. A term of weight 0 is not used at all.

    Example:
        >>> FixedLossWeights(dict(l1=2.0, tv=0.0))(dict(l1=torch.tensor(1.5)))
        {'l1': tensor(3.)}
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = {name: weight for name, weight in weights.items() if weight}

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the terms that have to be computed."""
        return tuple(self.weights)

    def forward(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the terms, each times its weight."""
        return {name: weight * terms[name] for name, weight in self.weights.items()}

    def extra_repr(self) -> str:
        return ', '.join(f'{name}={weight:g}' for name, weight in self.weights.items())
