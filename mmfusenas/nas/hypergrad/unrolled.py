"""Unrolled: the weights answer by training steps (DARTS, second order)."""
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient, preserved
from mmfusenas.nas.hypergrad.inner import Columns, WeightStep
from mmfusenas.nas.hypergrad.second_order import SecondOrder
from mmfusenas.nas.hypergrad.vectors import add, fill, norm


class Unrolled(HyperGradient):
    r"""Gradient of U after training steps w' = S(w, dL/dw(w, a)) of the weights (DARTS, eq. 7, for one step of SGD).

    .. math:: g = \nabla_a U(w', a) + \nabla^2_{aw} L(w, a) \, (\partial S / \partial \nabla_w L)^\top \nabla_w U(w', a)

    S is the optimizer's step, with what it remembers: SGD with momentum, Adam or AdamW (:class:`WeightStep`); for plain
    SGD the second term is :math:`-lr\, \nabla^2_{aw} L\, \nabla_w U`. Where training clips gradients by their norm, so
    does S: a clipped gradient turns with the choices, and keeps its length.

    Of ``steps`` steps, all on the same training batch, the derivative goes back through each in turn (reverse mode),
    through weights and what the optimizer remembers, so that weights are kept once a step.

    Products with second derivatives are exact by a second differentiation, or a central difference of first ones
    along their vector (DARTS, eq. 8). For n steps that is one upper loss and 2n or 3n lower ones. In a network with
    kinks (ReLU, maxima) the two differ: the difference sees the kinks within its radius, differentiation none.

    Args:
        exact: Whether to differentiate twice, at more memory.
        radius: Length of the difference's two steps in weight space, above 0; read when not exact.
        steps: Training steps, at least 1. Defaults to 1.

    Example:
        >>> import torch
        >>> a, w = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True)
        >>> upper, lower = lambda: (w ** 2).sum() / 2, lambda: ((w - 2 * a) ** 2).sum() / 2
        >>> grads, log = Unrolled(exact=True)(upper, lower, [a], [w], inner=dict(lr=0.5))
        >>> grads[0].tolist()  # w' = 3 - 0.5 * 1, and 0.5 * 2 * w'
        [2.5]
        >>> grads, log = Unrolled(exact=True, steps=2)(upper, lower, [a], [w], inner=dict(lr=0.5))
        >>> grads[0].tolist()  # w'' = 2.5 - 0.5 * 0.5, and (1 - 0.5^2) * 2 * w''
        [3.375]
    """

    def __init__(self, exact: bool = False, radius: float = 0.01, steps: int = 1) -> None:
        if not radius > 0 or steps < 1:
            raise InputError(f'Unrolled(radius={radius}, steps={steps}): radius must be above 0, and steps at least 1')
        self.exact, self.radius, self.steps = exact, radius, steps
        self.by_difference = not exact

    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See :class:`HyperGradient`; reads ``inner``, see :meth:`WeightStep.from_inner`."""
        choices, weights = problem.upper_params, problem.lower_params
        step, state = WeightStep.from_inner(inner, weights)
        with ExitStack() as kept:
            lower, points = self._train(problem, step, state, kept)
            upper, (upper_a, upper_w) = problem.gradients(problem.upper_loss, choices, weights)
            grads = fill(upper_a, choices)
            vectors = [fill(upper_w, weights), *([None] * len(weights) for _ in state)]
            del upper_w  # as large as the weights, and passes to come
            while points:
                restore, *point = points.pop()
                restore()
                pulled = step.pullback(weights, *point, vectors)
                if points:
                    vectors[0], vector, *vectors[1:] = map(list, zip(*pulled))
                else:  # the first step: what was before it is given
                    vector = [of_gradient for _, of_gradient, *_ in pulled]
                    del vectors
                vector = step.through_clipping(*point[:2], vector)
                del point, pulled
                products = self._products(problem, [*choices, *weights] if points else choices, vector, restore)
                grads = add(grads, products[:len(choices)])
                if points:
                    vectors[0] = add(vectors[0], products[len(choices):])
        return grads, dict(upper_loss=upper, lower_loss=lower, step_norm=norm(vector))

    def _train(self, problem: BilevelProblem, step: WeightStep, state: Columns,
               kept: ExitStack) -> tuple[Tensor, list[tuple]]:
        """Take the steps in place, until ``kept`` ends.

        Returns:
            The loss before the first; and of each what puts back the weights before it, gradients, share and state.
        """
        weights, points, first = problem.lower_params, [], None
        for _ in range(self.steps):
            restore = kept.enter_context(preserved(weights))
            loss, (grads,) = problem.gradients(problem.lower_loss, weights)
            first = loss if first is None else first
            share = step.share(grads)
            points.append((restore, step.needed(grads, share), share, state))
            state = step.move(weights, grads, share, state)
        return first, points

    def _products(self, problem: BilevelProblem, wanted: Sequence[Tensor], vector: Sequence[Tensor],
                  restore: Callable[[], None]) -> list[Tensor]:
        """Return the derivatives of dL/dw times ``vector`` for the tensors ``wanted``, at the weights of ``restore``.

        By difference, with e = radius / |vector|: (dL(w + e vector) - dL(w - e vector)) / 2 e.
        """
        if self.exact:
            return SecondOrder(problem).product(wanted, vector)
        length = norm(vector)
        if length == 0:  # U does not depend on the weights here
            return [torch.zeros_like(tensor) for tensor in wanted]
        epsilon = self.radius / float(length)
        ends = []
        for sign in (1, -1):
            restore()
            with torch.no_grad():
                torch._foreach_add_(problem.lower_params, vector, alpha=sign * epsilon)
            _, (grads,) = problem.gradients(problem.lower_loss, wanted)
            ends.append(fill(grads, wanted))
        return list(torch._foreach_mul(add(*ends, -1), 1 / (2 * epsilon)))
