"""Implicit hyper-gradient with the inverse Hessian by a Neumann series."""
from collections.abc import Mapping

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient, warn_once
from mmfusenas.nas.hypergrad.second_order import SecondOrder
from mmfusenas.nas.hypergrad.vectors import add, dot, fill, norm


class Neumann(HyperGradient):
    r"""Lorraine et al. 2020: the first terms of the series of the inverse Hessian H of the lower loss.

    .. math:: g = \nabla_a U - \nabla^2_{aw} L \; lr \sum_{k=0}^{steps} (I - lr\, H)^k \; \nabla_w U

    Converges to the implicit gradient for 0 < lr < 2 / (largest eigenvalue of H) at weights where L is convex.
    Elsewhere the sum ends before its terms grow, at the smallest residual that it has, which is warned of once: of a
    symmetric matrix the terms' lengths are log-convex, so once they have grown they grow for good. Where already the
    first product is longer than what it was taken of, nothing is summed, and g is the first-order gradient.
    One upper loss, one lower loss, and at most ``steps`` Hessian products.

    Args:
        lr: Step of the series, above 0.
        steps: Hessian products, at least 0; 0 is one unrolled step of size ``lr`` evaluated at the present weights.

    In the log are ``residual``, the length of the last term over that of the first, and ``terms``, how many are summed.

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
        upper_w = fill(upper_w, weights)
        lower = SecondOrder(problem)
        total, terms, residual = self._series(lower, upper_w)
        grads = add(fill(upper_a, choices), lower.mixed(total), -self.lr)
        return grads, dict(upper_loss=loss, lower_loss=lower.loss, upper_weight_norm=norm(upper_w), residual=residual,
                           terms=residual.new_tensor(terms))

    def _series(self, lower: SecondOrder, first: list[Tensor]) -> tuple[list[Tensor], int, Tensor]:
        """Return the best partial sum of (I - lr H)^k first, its number of terms, and its relative residual."""
        # The terms without the last one, k < n, leave the residual (I - lr H)^n first: the last term.
        term, shorter, total = first, [torch.zeros_like(part) for part in first], first
        start = length = norm(first)
        relative = start.clamp_min(torch.finfo(start.dtype).tiny)
        slack = 1 + torch.finfo(start.dtype).eps ** 0.5
        for k in range(self.steps):
            following = add(term, lower.hessian(term), -self.lr)
            if norm(following) > slack * length:
                self._warn_of_growth(float(dot(following, term)))
                return shorter, k, length / relative
            term, shorter, total = following, total, add(total, following)
            length = norm(term)
        return total, self.steps + 1, length / relative

    def _warn_of_growth(self, product: float) -> None:
        """Say what to change: a term that turns round is of a large eigenvalue, one that does not of a negative one."""
        what = ('lower lr below 2 / (largest eigenvalue of the Hessian)' if product < 0 else
                'the lower loss is not convex here: take fewer steps, ConjugateGradient with damping, or '
                'ImplicitGaussNewton')
        warn_once(f'Neumann(lr={self.lr:g}, steps={self.steps}) does not converge; it gives the partial sum of the '
                  f'smallest residual, at worst the first-order gradient. To do: {what}.')
