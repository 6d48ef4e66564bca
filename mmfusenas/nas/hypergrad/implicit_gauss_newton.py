"""Implicit architecture search (IAS) of TIM: the Hessian by the outer product of the gradient."""
from collections.abc import Mapping, Sequence

from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient
from mmfusenas.nas.hypergrad.vectors import add, dot, fill, mean, mean_cosine, norm


class ImplicitGaussNewton(HyperGradient):
    r"""TIM, equation 4.

    .. math:: g = \nabla_a U - \frac{\nabla_w L^T \nabla_w U}{\nabla_w L^T \nabla_w L + eps} \nabla_a L

    In the implicit gradient :math:`\nabla_a U - \nabla^2_{aw} L (\nabla^2_{ww} L)^{-1} \nabla_w U` both second
    derivatives are replaced by outer products of first ones. Exact where L is the square of one linear residual.
    One upper and one lower loss, each backward pass giving the gradients of weights and choices at once.

    Args:
        eps: Added to the denominator, which vanishes where the weights are optimal; above 0, in squared units
            of the weights' gradient.

    Example:
        >>> import torch
        >>> a, w = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True)
        >>> upper, lower = lambda: (w ** 2).sum() / 2, lambda: ((w - 2 * a) ** 2).sum() / 2
        >>> grads, log = ImplicitGaussNewton()(upper, lower, [a], [w])
        >>> grads[0].tolist(), float(log['coefficient'])  # 0 - (1 * 3) / (1 * 1) * (-2)
        ([6.0], 3.0)
    """

    def __init__(self, eps: float = 1e-12) -> None:
        if not eps > 0:
            raise InputError(f'eps = {eps} of ImplicitGaussNewton must be above 0: it keeps 0 / 0 apart')
        self.eps = eps

    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See :class:`HyperGradient`."""
        choices, weights = problem.upper_params, problem.lower_params
        each = problem.each(problem.upper_loss, choices, weights)
        upper, (upper_a, upper_w) = mean(each)
        lower, (lower_a, lower_w) = problem.gradients(problem.lower_loss, choices, weights)
        lower_a, lower_w = fill(lower_a, choices), fill(lower_w, weights)

        def gradient(of_a: Sequence[Tensor | None], of_w: Sequence[Tensor | None]) -> tuple[list[Tensor], Tensor]:
            coefficient = dot(lower_w, fill(of_w, weights)) / (dot(lower_w, lower_w) + self.eps)
            return add(fill(of_a, choices), lower_a, -coefficient), coefficient

        grads, coefficient = gradient(upper_a, upper_w)
        log = dict(upper_loss=upper, lower_loss=lower, coefficient=coefficient,
                   upper_weight_norm=norm(fill(upper_w, weights)), lower_weight_norm=norm(lower_w))
        if len(each) > 1:
            log['batch_cosine'] = mean_cosine([gradient(*groups)[0] for _, groups in each])
        return grads, log
