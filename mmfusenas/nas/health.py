"""Whether the gradients of the choices are a signal, or noise, and how much was decided by them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import mean
from typing import Any

from torch import Tensor

from mmfusenas.nas.choice import Choice

NOISE = 4.0
"""The least ``drift`` of a search that goes somewhere: the gradients add up to twice the length of random ones."""

STEPS = 20
"""The least number of steps on the choices of which a finding is more than a beginning."""

UNIFORM = 1.1
"""The probability of the likeliest candidate, over that of a uniform choice, below which a choice is next to open."""

_LEAST = 1e-6
"""Of the noise, over the squared length: bounds the signal of gradients that are all the same at 1000."""


class SearchHealth:
    r"""What the gradients of successive steps have in common: those of independent batches, near to one point.

    With :math:`u_{tc}` the gradient of choice c in step t, over the length of the gradient of all choices in that step,

    .. math:: Q_c = \frac{1}{n} \sum_t |u_{tc}|^2, \qquad
       P_c = \frac{|\sum_t u_{tc}|^2 - \sum_t |u_{tc}|^2}{n (n - 1)},

    P is an unbiased estimate of the squared length of the mean, Q the mean squared length.

    - ``cosine``, :math:`\sum_c P_c / \sum_c Q_c`: the mean cosine between the gradients of two steps, -1 to 1.
    - ``drift``, :math:`\sum_c |\sum_t u_{tc}|^2 / \sum_{tc} |u_{tc}|^2`: the squared length of their sum over that of
      random directions. About 1 for noise, the number of steps where all agree, :math:`1 + (n - 1)\, cosine`.
    - ``signal`` of each choice, :math:`\sqrt{P_c / (Q_c - P_c)}`: length of the mean over the standard deviation, 0
      where the estimate of the mean is below 0.

    Example:
        >>> import torch
        >>> health = SearchHealth()
        >>> for grad in ([3.0, 4.0], [4.0, 3.0]):
        ...     health.add(dict(op=torch.tensor(grad)))
        >>> report = health.report(['op'])
        >>> round(report['cosine'], 4), round(report['drift'], 4), report['steps']  # 0.6 * 0.8 + 0.8 * 0.6
        (0.96, 1.96, 2)
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.squares: dict[str, float] = {}
        self.steps: dict[str, int] = {}

    def add(self, grads: Mapping[str, Tensor]) -> None:
        """Count a step: the gradients of the choices that were updated, by name."""
        grads = {name: grad.detach().double().flatten().cpu() for name, grad in grads.items()}
        length = float(sum(grad.square().sum() for grad in grads.values())) ** 0.5
        for name, grad in grads.items():
            unit = grad / length if length else grad
            self.sums[name] = self.sums.get(name, 0) + unit
            self.squares[name] = self.squares.get(name, 0.0) + float(unit.square().sum())
            self.steps[name] = self.steps.get(name, 0) + 1

    def report(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the figures above of the choices ``names``, and ``steps``, their number; {} before the second step."""
        names = [name for name in names if self.steps.get(name, 0) > 1]
        squares = {name: self.squares[name] / self.steps[name] for name in names}
        if not sum(squares.values()):
            return {}
        moved = {name: float(self.sums[name].square().sum()) for name in names}
        common = {name: (moved[name] - self.squares[name]) / self.steps[name] / (self.steps[name] - 1)
                  for name in names}
        signal = {name: (max(common[name], 0) / max(squares[name] - common[name], _LEAST * squares[name])) ** 0.5
                  if squares[name] else 0.0 for name in names}
        return dict(steps=max(self.steps[name] for name in names),
                    cosine=sum(common.values()) / sum(squares.values()),
                    drift=sum(moved.values()) / sum(self.squares[name] for name in names), signal=signal)

    def state_dict(self) -> dict[str, dict]:
        """Return what a resumed search goes on with."""
        return dict(sums={name: value.clone() for name, value in self.sums.items()}, squares=dict(self.squares),
                    steps=dict(self.steps))

    def load_state_dict(self, state: Mapping[str, dict]) -> None:
        """Put back what :meth:`state_dict` returned."""
        self.sums = {name: value.cpu() for name, value in state['sums'].items()}
        self.squares, self.steps = dict(state['squares']), dict(state['steps'])


def warning(report: Mapping[str, Any]) -> str:
    """Return in words that the gradients of a search are noise, and what to do; '' where they are not.

    It is asked after 20 steps, and each time that their number has doubled since.

    Example:
        >>> warning(dict(steps=40, cosine=0.3, drift=12.7))
        ''
        >>> warning(dict(steps=40, cosine=0.01, drift=1.4))[:74]
        'The gradients of the choices are noise so far: over 40 steps their mean co'
    """
    turn, rest = divmod(report.get('steps', 0), 20)
    if rest or not turn or turn & (turn - 1) or report['drift'] >= NOISE:
        return ''
    return (
        f'The gradients of the choices are noise so far: over {report["steps"]} steps their mean cosine with one '
        f'another is {report["cosine"]:.3f}, and their sum is {report["drift"] ** 0.5:.1f} times as long as that of '
        f'random directions (a search that goes somewhere: {NOISE ** 0.5:.0f} or more). What it finds is then a random '
        'choice. To do: average over more batches (default_hooks.search.independent=8, or a larger batch_size), let '
        'the weights learn first (begin=...), and where both levels have one loss take strategy.type=FirstOrder or '
        'another loss above. Whether the space has anything to find: tools/analysis_tools/probe_space.py CONFIG.')


def decided(choices: Iterable[Choice]) -> dict[str, float]:
    """Return ``over_uniform``: the probability of the likeliest candidate over that of a uniform choice, in the mean.

    It is 1 before the first step. {} where no choice is relaxed and has two candidates or more.

    Args:
        choices: Those that a genotype records.

    Example:
        >>> from torch import nn
        >>> choice = Choice(dict(skip=nn.Identity(), relu=nn.ReLU()))
        >>> choice.relax()
        >>> decided([choice])
        {'over_uniform': 1.0}
    """
    ratios = [float(choice.probabilities().max()) * len(choice.candidates) for choice in choices
              if choice.relaxed and len(choice.candidates) > 1]
    return dict(over_uniform=mean(ratios)) if ratios else {}


def conclusion(report: Mapping[str, Any]) -> str:
    """Return in words that a search has decided next to nothing, and what to do; '' where it has.

    That is after less than 20 steps on the choices, or where the likeliest candidates have on average less than 1.1
    times the probability of a uniform choice.

    Args:
        report: ``health`` of an epoch in ``search.json``; without ``over_uniform`` there is nothing to say.

    Example:
        >>> conclusion(dict(steps=40, over_uniform=1.4))
        ''
        >>> conclusion(dict(steps=4, over_uniform=1.04))[:86]
        'What was found may be no better than a random choice: after 4 steps on the choices the'
    """
    if 'over_uniform' not in report or (report['steps'] >= STEPS and report['over_uniform'] >= UNIFORM):
        return ''
    return (
        f'What was found may be no better than a random choice: after {report["steps"]} steps on the choices the '
        f'likeliest candidates have on average {report["over_uniform"]:.2f} times the probability of a uniform choice '
        f'(of use: {STEPS} steps or more, and {UNIFORM} times or more). To do: more epochs, a larger '
        'default_hooks.search.optimizer.lr, or a smaller default_hooks.search.interval where it is above 1.')
