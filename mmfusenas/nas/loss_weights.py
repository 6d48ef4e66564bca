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

    A multiple of all weights is nearly the same loss, to an optimizer as Adam the very same: with ``total`` they keep
    their sum, so that a search selects among the terms and does not drift along that line. The gradient then counts by
    what it says of the differences between the weights, and a step ends at the nearest point of the simplex.

    Args:
        terms: Names of the terms.
        init_value: Weight that every term begins with, at least 0; with a ``total`` each begins with an equal share of
            it. Defaults to 1.0.
        total: Sum of the weights, above 0. Defaults to None: each is free.

    Raises:
        ValueError: If there is no term, one is named twice, ``init_value`` is negative, or ``total`` is not above 0.
        RuntimeError: On using weights that are neither relaxed nor fixed.

    Example:
        >>> weights = LossWeights(['l1', 'ssim'])
        >>> weights.relax()
        >>> weights(dict(l1=torch.tensor(2.0), ssim=torch.tensor(0.5)))
        {'l1': tensor(2.), 'ssim': tensor(0.5000)}
        >>> LossWeights(['l1', 'ssim'], total=3.0).alpha.tolist()
        [1.5, 1.5]
    """

    def __init__(self, terms: Sequence[str], init_value: float = 1.0, total: float | None = None) -> None:
        super().__init__()
        if not terms or len(set(terms)) < len(terms) or init_value < 0:
            raise InputError(f'LossWeights got terms={list(terms)} and init_value={init_value}; it needs terms of '
                             'different names, and a weight of at least 0.')
        if total is not None and not total > 0:
            raise InputError(f'LossWeights got total={total}, the sum of its weights; it is above 0, or None.')
        self.terms, self.total = tuple(terms), total
        init_value = total / len(terms) if total else init_value
        self.alpha = nn.Parameter(torch.full((len(self.terms),), float(init_value)), requires_grad=False)
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
        """Bring the weights back to what is allowed, after a step of the upper level.

        None is below 0; with a total they are the nearest ones of that sum.
        """
        if self.total:
            self.alpha.copy_(nearest_of_sum(self.alpha, self.total))
        else:
            self.alpha.clamp_(min=0)

    def tangent(self, grad: Tensor) -> Tensor:
        """Return what of a gradient for ``alpha`` a step may follow: with a total, less what is common to all weights.

        An optimizer that scales each component by itself, as Adam, would lose the differences in what is common.
        """
        return grad - grad.mean() if self.total else grad

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


def nearest_of_sum(weights: Tensor, total: float) -> Tensor:
    """Return the nearest weights that are at least 0 and have the sum ``total`` (Duchi et al., ICML 2008, fig. 1).

    Shape:
        n to n.

    Example:
        >>> nearest_of_sum(torch.tensor([1.0, 0.5, -3.0]), 1.0).tolist()
        [0.75, 0.25, 0.0]
    """
    ordered = weights.sort(descending=True).values
    excess = (ordered.cumsum(0) - total) / torch.arange(1, len(weights) + 1, device=weights.device)
    return (weights - excess[(ordered > excess).nonzero()[-1, 0]]).clamp(min=0)


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
