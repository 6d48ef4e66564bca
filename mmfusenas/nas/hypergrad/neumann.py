"""Implicit hyper-gradient with the inverse Hessian by a Neumann series."""
from collections.abc import Mapping

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient
from mmfusenas.nas.hypergrad.second_order import SecondOrder
from mmfusenas.nas.hypergrad.vectors import add, fill, norm
from mmfusenas.registry import SEARCH_STRATEGIES


@SEARCH_STRATEGIES.register_module()
class Neumann(HyperGradient):
    r"""Lorraine et al. 2020: the first terms of the series of the inverse Hessian H of the lower loss.

    .. math:: g = \nabla_a U - \nabla^2_{aw} L \; lr \sum_{k=0}^{steps} (I - lr\, H)^k \; \nabla_w U

    Converges to the implicit gradient for 0 < lr < 2 / (largest eigenvalue of H) at weights where L is convex.
    One upper loss, one lower loss, and ``steps`` Hessian products.

    Args:
        lr: Step of the series, above 0. ``residual`` in the log above 1 means that it is too large.
        steps: Hessian products, at least 0; 0 is one unrolled step of size ``lr`` evaluated at the present weights.

    Example:
        >>> import torch
        >>> a, w = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True)
        >>> upper, lower = lambda: (w ** 2).sum() / 2, lambda: ((w - 2 * a) ** 2).sum() / 2
        >>> grads, log = Neumann(lr=0.5, steps=1)(upper, lower, [a], [w])
        >>> grads[0].tolist()  # 2 * 0.5 * (3 + 1.5), the first terms of the exact 6
        [4.5]
    """

    def __init__(self, lr: float, steps: int) -> None:
        if not lr > 0 or steps < 0:
            raise InputError(f'Neumann(lr={lr}, steps={steps}): lr must be above 0 and steps at least 0')
        self.lr, self.steps = lr, steps

    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See :class:`HyperGradient`."""
        choices, weights = problem.upper_params, problem.lower_params
        loss, (upper_a, upper_w) = problem.gradients(problem.upper_loss, choices, weights)
        term = total = upper_w = fill(upper_w, weights)
        lower = SecondOrder(problem)
        for _ in range(self.steps):
            term = add(term, lower.hessian(term), -self.lr)
            total = add(total, term)
        grads = add(fill(upper_a, choices), lower.mixed(total), -self.lr)
        start = norm(upper_w)
        residual = norm(term) / start.clamp_min(torch.finfo(start.dtype).tiny)
        return grads, dict(upper_loss=loss, lower_loss=lower.loss, upper_weight_norm=start, residual=residual)
