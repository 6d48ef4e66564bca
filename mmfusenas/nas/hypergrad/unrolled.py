"""Unrolled: the weights answer by one training step (DARTS, second order)."""
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient, preserved
from mmfusenas.nas.hypergrad.inner import WeightStep
from mmfusenas.nas.hypergrad.second_order import SecondOrder
from mmfusenas.nas.hypergrad.vectors import add, fill, norm
from mmfusenas.registry import SEARCH_STRATEGIES


@SEARCH_STRATEGIES.register_module()
class Unrolled(HyperGradient):
    r"""Gradient of U after one weight step w' = w - lr (dL/dw + weight_decay w + momentum buffer) (DARTS, eq. 7).

    .. math:: g = \nabla_a U(w', a) - \nabla^2_{aw} L(w, a) \, (lr\, \nabla_w U(w', a))

    Where training clips gradients by their norm, so does this step, and what the product takes is
    :math:`c\, (I - \hat g \hat g^\top)\, lr\, \nabla_w U`, of the share c and the direction of dL/dw: a clipped
    gradient turns with the choices, and keeps its length.

    The product on the right is exact by a second differentiation, or a central difference of
    :math:`\nabla_a L` along its vector (DARTS, eq. 8): four losses and four backward passes in all. In a network
    with kinks (ReLU, maxima) the two differ: the difference sees the kinks within its radius, differentiation none.

    Args:
        exact: Whether to differentiate twice, at more memory.
        radius: Length of the difference's two steps in weight space, above 0; read when not exact.

    Example:
        >>> import torch
        >>> a, w = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True)
        >>> upper, lower = lambda: (w ** 2).sum() / 2, lambda: ((w - 2 * a) ** 2).sum() / 2
        >>> grads, log = Unrolled(exact=True)(upper, lower, [a], [w], inner=dict(lr=0.5))
        >>> grads[0].tolist()  # w' = 3 - 0.5 * 1, and 0.5 * 2 * w'
        [2.5]
    """

    def __init__(self, exact: bool = False, radius: float = 0.01) -> None:
        if not radius > 0:
            raise InputError(f'radius = {radius} of Unrolled must be above 0')
        self.exact, self.radius = exact, radius
        self.by_difference = not exact

    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See :class:`HyperGradient`; reads ``inner``, see :class:`WeightStep`."""
        choices, weights = problem.upper_params, problem.lower_params
        step = WeightStep.from_inner(inner, len(weights))
        with preserved(weights):
            lower, (grads,) = problem.gradients(problem.lower_loss, weights)
            clip_coef = step.clip_coef(grads)
            step.apply(weights, grads, clip_coef)
            clipped = grads if clip_coef < 1 else None
            del grads  # as large as the weights, and three more passes to come
            upper, (upper_a, vector) = problem.gradients(problem.upper_loss, choices, weights)
        vector = step.response(fill(vector, weights), clipped)
        length = norm(vector)
        product = SecondOrder(problem).mixed(vector) if self.exact else self._difference(problem, vector, length)
        return (add(fill(upper_a, choices), product, -1),
                dict(upper_loss=upper, lower_loss=lower, step_norm=length))

    def _difference(self, problem: BilevelProblem, vector: Sequence[Tensor], length: Tensor) -> list[Tensor]:
        """d2L/(da dw) vector = (dL/da(w + e vector) - dL/da(w - e vector)) / 2 e, with e = radius / |vector|."""
        choices, weights = problem.upper_params, problem.lower_params
        if length == 0:  # U does not depend on the weights here
            return [torch.zeros_like(choice) for choice in choices]
        epsilon = self.radius / float(length)
        ends = []
        with preserved(weights) as restore:
            for sign in (1, -1):
                restore()
                with torch.no_grad():
                    torch._foreach_add_(weights, vector, alpha=sign * epsilon)
                _, (grads,) = problem.gradients(problem.lower_loss, choices)
                ends.append(fill(grads, choices))
        return list(torch._foreach_mul(add(*ends, -1), 1 / (2 * epsilon)))
