"""The outer loss of the hyper-guided restoration."""
from __future__ import annotations

from torch import Tensor, nn

from mmfusenas.registry import MODELS


@MODELS.register_module()
class StageLoss(nn.Module):
    """Mean squared error of every stage's output, summed over the stages.

    Shape:
        stages: N x K C x H x W, reference: N x C x H x W; result: dict of a scalar, and ``mse`` of the last stage.

    Example:
        >>> loss = StageLoss()(torch.zeros(1, 5, 8, 8), torch.ones(1, 1, 8, 8))
        >>> float(loss['loss_stages']), float(loss['mse'])
        (5.0, 1.0)
    """

    def forward(self, stages: Tensor, reference: Tensor) -> dict[str, Tensor]:
        errors = (stages.unflatten(1, (-1, reference.shape[1])) - reference[:, None]).square().mean((0, 2, 3, 4))
        return dict(loss_stages=errors.sum(), mse=errors[-1].detach())
