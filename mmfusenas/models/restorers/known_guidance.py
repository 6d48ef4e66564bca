"""A map of guidance that nothing predicts."""
from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmfusenas.registry import MODELS


@MODELS.register_module()
class KnownGuidance(BaseModule):
    """The true map of guidance in the place of a proxy, or one level for every image: the controls of guidance.

    No proxy can tell a denoiser more than the true map does, so without a gain from it no order of the proxies can be
    expected; one level for all images tells it nothing.

    Args:
        level: Value of the map in every pixel of every image; None for the true map, which a test needs as well.
            Defaults to None.
        init_cfg: Not used: there are no parameters.

    Shape:
        The true map N x 1 x H x W, to the same.

    Example:
        >>> KnownGuidance()(torch.full((1, 1, 1, 2), 0.04)), KnownGuidance(level=0.03)(torch.zeros(1, 1, 1, 2))
        (tensor([[[[0.0400, 0.0400]]]]), tensor([[[[0.0300, 0.0300]]]]))
    """

    reads_truth = True

    def __init__(self, level: float | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.level = level

    def forward(self, truth: Tensor) -> Tensor:
        return truth if self.level is None else torch.full_like(truth, self.level)
