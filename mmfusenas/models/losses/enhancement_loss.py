"""l_T: the loss of TIM's enhancement."""
from __future__ import annotations

from torch import Tensor

from mmfusenas.models.losses.fusion_loss import FusionLoss
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.registry import MODELS


@MODELS.register_module()
class EnhancementLoss(FusionLoss):
    """A form of :class:`FusionLoss` for the enhanced image, and what holds the two branches of N_T apart.

    The paper's l_T (section 4.2) has the form ``'saliency'``. Of the branches, the image of targets is held to the
    second source by its intensity (MSE), that of details to the first by SSIM, with the form's weights of these terms.

    Args:
        form: A form of :class:`FusionLoss`. Defaults to 'saliency'.
        parameters: Of the form, as in :class:`FusionLoss`.

    Shape:
        enhanced, detail, target, first, second: N x 1 x H x W luma in [0, 1]; result: dict of scalars.

    Example:
        >>> sorted(EnhancementLoss()(*torch.rand(5, 2, 1, 61, 83)))
        ['loss_detail', 'loss_intensity', 'loss_ssim', 'loss_target']
    """

    def __init__(self, form: str = 'saliency', **parameters: float) -> None:
        super().__init__(form, **parameters)

    @in_full_precision  # small differences
    def forward(self, enhanced: Tensor, detail: Tensor, target: Tensor, first: Tensor,
                second: Tensor) -> dict[str, Tensor]:
        return dict(
            super().forward(enhanced, first, second),
            loss_target=self.settings['intensity_weight'] * (target - second).square().mean(),
            loss_detail=self.settings['ssim_weight'] * (1 - ssim(detail, first).mean()))
