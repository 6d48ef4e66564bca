"""Implicit hyper-gradient with the inverse Hessian by conjugate gradients."""
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient, warn_once
from mmfusenas.nas.hypergrad.second_order import SecondOrder
from mmfusenas.nas.hypergrad.vectors import add, dot, fill, norm


class ConjugateGradient(HyperGradient):
    r"""Implicit differentiation, the linear system solved by conjugate gradients (iMAML).

    .. math:: g = \nabla_a U - \nabla^2_{aw} L \; x, \quad (\nabla^2_{ww} L + damping\, I)\, x = \nabla_w U

    One upper loss, one lower loss, and at most ``steps`` Hessian products. x is the iterate of the smallest residual,
    x = 0 among them, with which g is the first-order gradient.

    Args:
        steps: Most iterations, at least 1. It stops earlier where the residual has vanished, or the curvature along a
            direction is not positive: the lower loss is not convex there. That is warned of once, and ``curvature`` in
            the log, the smallest met, says by how much the damping has to be raised.
        damping: Added to the diagonal of the Hessian, at least 0.

    Example:
        >>> import torch
        >>> a, w = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True)
        >>> upper, lower = lambda: (w ** 2).sum() / 2, lambda: ((w - 2 * a) ** 2).sum() / 2
        >>> grads, log = ConjugateGradient(steps=5)(upper, lower, [a], [w])
        >>> grads[0].tolist(), float(log['iterations'])
        ([6.0], 1.0)
    """

    def __init__(self, steps: int, damping: float = 0.0) -> None:
        if steps < 1 or damping < 0:
            raise InputError(f'ConjugateGradient(steps={steps}, damping={damping}): '
                             'steps must be at least 1 and damping at least 0')
        self.steps, self.damping = steps, damping

    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See :class:`HyperGradient`."""
        choices, weights = problem.upper_params, problem.lower_params
        loss, (upper_a, upper_w) = problem.gradients(problem.upper_loss, choices, weights)
        upper_w = fill(upper_w, weights)
        lower = SecondOrder(problem)
        answer, log = conjugate_gradient(
            lambda vector: add(lower.hessian(vector), vector, self.damping), upper_w, self.steps)
        if log['curvature'] <= 0 < log['residual']:
            warn_once(f'ConjugateGradient(damping={self.damping:g}) met a direction in which the lower loss is not '
                      'convex and stopped there; it gives its best iterate, at worst the first-order gradient. Raise '
                      'damping by more than the size of search_curvature in the log, or take ImplicitGaussNewton.')
        grads = add(fill(upper_a, choices), lower.mixed(answer), -1)
        return grads, dict(upper_loss=loss, lower_loss=lower.loss, upper_weight_norm=norm(upper_w), **log)


def conjugate_gradient(matrix: Callable[[list[Tensor]], list[Tensor]], right: Sequence[Tensor],
                       steps: int) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Solve ``matrix(x) = right`` for a symmetric positive definite matrix, from x = 0.

    Args:
        matrix: Product with the matrix.
        right: Right-hand side, a list of tensors.
        steps: Most iterations.

    Returns:
        The iterate of the smallest residual, and to log its ``residual`` (relative, 0 to 1), ``iterations``, and
        ``curvature``, the smallest quotient d.Ad / d.d of a direction; at one that is not positive it has stopped.
    """
    answer, residual = [torch.zeros_like(part) for part in right], list(right)
    direction, square = residual, dot(residual, residual)
    start, iterations = square, 0
    best, smallest, curvatures = answer, square, []
    tiny = torch.finfo(square.dtype).eps ** 2
    while iterations < steps and not square <= tiny * start:  # a NaN goes on, to be seen in the result
        product = matrix(direction)
        along = dot(direction, product)
        curvatures.append(along / dot(direction, direction))
        if along <= 0:
            break
        answer = add(answer, direction, square / along)
        residual = add(residual, product, -square / along)
        previous, square = square, dot(residual, residual)
        direction = add(residual, direction, square / previous)
        iterations += 1
        if not square >= smallest:  # residuals need not fall from one iterate to the next
            best, smallest = answer, square
    relative = (smallest / start.clamp_min(torch.finfo(square.dtype).tiny)).sqrt()
    return best, dict(residual=relative, iterations=square.new_tensor(iterations),
                      curvature=min(curvatures, default=torch.zeros_like(square)))
