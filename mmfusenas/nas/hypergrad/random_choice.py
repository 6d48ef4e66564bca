"""Random choices, the baseline of every search."""
from collections.abc import Mapping

import torch
from torch import Tensor
from torch import distributed as dist

from mmfusenas.nas.hypergrad.base import BilevelProblem, HyperGradient
from mmfusenas.nas.hypergrad.vectors import average, is_distributed


class RandomChoice(HyperGradient):
    """Random search through the same hook: a gradient of independent normal numbers, whatever the losses are.

    The gradients are random, so each choice ends at any of its candidates with the same probability, while the weights
    are trained as in any other search: the control row of a table of strategies. The numbers come from torch's
    generator, which a checkpoint keeps; all processes take those of the first.

    Example:
        >>> import torch
        >>> a, w = torch.zeros(3), torch.ones(2, requires_grad=True)
        >>> loss = lambda: (w.sum() - a.sum()) ** 2
        >>> grads, log = RandomChoice()(loss, loss, [a], [w])
        >>> grads[0].shape, float(log['upper_loss'])
        (torch.Size([3]), 4.0)
    """

    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """See :class:`HyperGradient`; the lower loss is not evaluated, the upper one only for the log."""
        loss = problem.evaluate(problem.upper_loss[0])
        value, = average([loss.detach()], [loss])
        grads = [torch.randn_like(choice) for choice in problem.upper_params]
        if is_distributed():
            for grad in grads:
                dist.broadcast(grad, src=0)
        return grads, dict(upper_loss=value.reshape(()))
