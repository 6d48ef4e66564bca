"""How far a score would move with other images: the jackknife."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Score(NamedTuple):
    """A score of some images.

    Attributes:
        value: Of all images.
        without: Of all but one group of them, for every group: G values.

    Example:
        >>> score = jackknife(np.mean, [1.0, 2.0, 6.0])
        >>> float(score.value), [float(value) for value in score.without]
        (3.0, [4.0, 3.5, 1.5])
    """

    value: float
    without: np.ndarray

    @property
    def error(self) -> float:
        r"""The standard error, :math:`\sqrt{\frac{G-1}{G}\sum_g(\theta_g-\bar\theta)^2}` (Tukey, 1958); NaN of a group.

        Of a mean with one image a group this is the standard deviation over the root of the number of images.
        """
        groups = len(self.without)
        if groups < 2:
            return float('nan')
        return float(np.sqrt((groups - 1) / groups * np.square(self.without - self.without.mean()).sum()))

    def minus(self, other: Score) -> Score:
        """Return the difference to another score of the same images in the same groups."""
        return Score(self.value - other.value, self.without - other.without)


def jackknife(function: Callable[[Sequence], float], items: Sequence[Any], groups: int | None = None) -> Score:
    """Return a score of some items, and the same score with one group of neighbours left out each time.

    Args:
        function: Of a part of the items to the score.
        items: What is scored, an item an image, in the order of the files: frames of one video are neighbours.
        groups: Number of groups, at most that of the items. Defaults to one for each.
    """
    parts = np.array_split(np.arange(len(items)), min(groups or len(items), len(items)))
    kept = ([item for place, item in enumerate(items) if place not in set(part.tolist())] for part in parts)
    without = [function(rest) for rest in kept if rest]
    return Score(float(function(items)), np.array(without, float))


def tell_apart(scores: Mapping[str, Score], higher_is_better: bool = True) -> dict[str, str]:
    """Return a mark for each name: ``'*'`` the best, ``'='`` what cannot be told from it, ``''`` what is worse.

    What cannot be told differs by at most two standard errors of the difference on the same images.

    Example:
        >>> scores = {name: jackknife(np.mean, values) for name, values in
        ...           dict(a=[1.0, 2.0, 3.0], b=[1.1, 1.9, 2.9], c=[0.5, 1.5, 2.4]).items()}
        >>> tell_apart(scores)
        {'a': '*', 'b': '=', 'c': ''}
    """
    if not scores:
        return {}
    best = (max if higher_is_better else min)(scores, key=lambda name: scores[name].value)
    gaps = {name: score.minus(scores[best]) for name, score in scores.items()}
    return {name: '*' if name == best else '=' if abs(gap.value) <= 2 * gap.error else '' for name, gap in gaps.items()}
