"""The guided filter as a super-resolution rule."""
from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor

from mmfusenas.models.utils.guided_filter import guided_filter
from mmfusenas.registry import MODELS


@MODELS.register_module()
class GuidedFilterSR(BaseModule):
    """Guided image filter (He et al., TPAMI 2013) of the upsampled target: a rule without weights, to compare with.

    Args:
        radius: Radius of the windows in pixels; after bicubic upsampling large ones lose more than they gain. Defaults
            to 2.
        eps: Regularisation, of guidance in [0, 1]. Defaults to 1e-4.
        target_channels, guidance_channels: As of :class:`GuidedSRNet`; the guidance counts by its mean.

    Shape:
        As of :class:`GuidedSRNet`.

    Example:
        >>> GuidedFilterSR()(torch.rand(1, 1, 61, 83), torch.rand(1, 3, 61, 83)).shape
        torch.Size([1, 1, 61, 83])
    """

    def __init__(self, radius: int = 2, eps: float = 1e-4, target_channels: int = 1,
                 guidance_channels: int = 3) -> None:
        super().__init__()
        self.radius, self.eps = radius, eps
        self.target_channels, self.guidance_channels = target_channels, guidance_channels

    def forward(self, target: Tensor, guidance: Tensor) -> Tensor:
        return guided_filter(guidance.mean(1, keepdim=True), target, self.radius, self.eps)
