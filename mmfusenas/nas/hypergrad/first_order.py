"""First order: the weights do not answer."""
from collections.abc import Mapping

from torch import Tensor

from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient
from mmfusenas.nas.hypergrad.vectors import fill, mean, mean_cosine


class FirstOrder(HyperGradient):
    """g = dU/da, with the weights taken as constants (DARTS, first order). One upper loss, one backward pass.

    Example:
        >>> import torch
        >>> a, w = torch.tensor([1.0, 2.0]), torch.ones(2, requires_grad=True)
        >>> upper, lower = lambda: (w * a).sum(), lambda: ((w - a) ** 2).sum()
        >>> grads, log = FirstOrder()(upper, lower, [a], [w])
        >>> grads[0].tolist(), float(log['upper_loss'])
        ([1.0, 1.0], 3.0)
    """

    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See :class:`HyperGradient`; the lower loss is not evaluated."""
        choices = problem.upper_params
        each = problem.each(problem.upper_loss, choices)
        loss, (grads,) = mean(each)
        log = dict(upper_loss=loss)
        if len(each) > 1:
            log['batch_cosine'] = mean_cosine([fill(own, choices) for _, (own,) in each])
        return fill(grads, choices), log
