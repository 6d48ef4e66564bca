"""The fusion loss as an upper loss of a search."""
from __future__ import annotations

from torch import Tensor

from mmfusenas.core.errors import MissingKeyError
from mmfusenas.models.losses.fusion_loss import FusionLoss
from mmfusenas.registry import MODELS


@MODELS.register_module()
class FusedImageLoss(FusionLoss):
    """:class:`FusionLoss` of what a fusion network makes: a loss of the upper level that is not that of the lower one.

    In ``losses`` of a phase of :class:`BilevelSearchHook`. The form ``'saliency'`` is TIM's l_T, its loss of
    enhancement; below stands the model's own loss, such as l_F, ``'information'`` (section 4.2).

    Args:
        form: As of :class:`FusionLoss`.
        **parameters: Likewise.

    Shape:
        ``fused_luma`` and ``visible_luma`` of the model's images, ``infrared`` of the inputs, N x 1 x H x W in [0, 1];
        result: dict of scalars.

    Raises:
        KeyError: If the model fuses no lumas.

    Example:
        >>> lumas = dict(fused_luma=torch.rand(1, 1, 32, 32), visible_luma=torch.rand(1, 1, 32, 32))
        >>> sorted(FusedImageLoss(form='saliency')(lumas, dict(infrared=torch.rand(1, 1, 32, 32))))
        ['loss_intensity', 'loss_ssim']
    """

    def forward(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if 'fused_luma' not in images or 'infrared' not in inputs:
            raise MissingKeyError(
                f'FusedImageLoss looks at the fused luma of a visible and an infrared image; the model makes '
                f'{", ".join(images)} of {", ".join(inputs)}.')
        return super().forward(images['fused_luma'], images['visible_luma'], inputs['infrared'])
