"""l_T: the saliency-weighted loss of TIM's enhancement."""
from __future__ import annotations

from torch import Tensor, nn

from mmfusenas.models.losses.saliency import saliency_weights
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.registry import MODELS


@MODELS.register_module()
class EnhancementLoss(nn.Module):
    """Saliency-weighted intensity and structure (TIM section 4.2, l_T), and what holds the two branches of N_T apart.

    ``l_int = |M_A (F - A)|^2 + |M_B (F - B)|^2``, ``l_ssim = 2 - SSIM(M_A A, M_A F) - SSIM(M_B B, M_B F)``, with the
    weights of :func:`~mmfusenas.models.losses.saliency.saliency_weights`. Of the branches, the picture of targets is
    held to the second source by its intensity, that of details to the first by SSIM.

    Args:
        intensity_weight: Factor of both intensity terms. Defaults to 20.0, as in :class:`FusionLoss`.
        ssim_weight: Factor of both SSIM terms. Defaults to 1.0; mu is the ratio of the two.
        temperature: What the contrasts, in [0, 1], are divided by before the softmax. The paper names none; at 1 the
            weights would hardly differ from one half. Defaults to 0.1.

    Shape:
        enhanced, detail, target, first, second: N x 1 x H x W luma in [0, 1]; result: dict of scalars.

    Example:
        >>> sorted(EnhancementLoss()(*torch.rand(5, 2, 1, 61, 83)))
        ['loss_detail', 'loss_intensity', 'loss_ssim', 'loss_target']
    """

    def __init__(self, intensity_weight: float = 20.0, ssim_weight: float = 1.0, temperature: float = 0.1) -> None:
        super().__init__()
        self.intensity_weight = intensity_weight
        self.ssim_weight = ssim_weight
        self.temperature = temperature

    def forward(self, enhanced: Tensor, detail: Tensor, target: Tensor, first: Tensor,
                second: Tensor) -> dict[str, Tensor]:
        weights = saliency_weights(first, second, self.temperature)
        pairs = list(zip(weights, (first, second), strict=True))
        intensity = sum((weight * (enhanced - source)).square().mean() for weight, source in pairs)
        structure = sum(1 - ssim(weight * source, weight * enhanced).mean() for weight, source in pairs)
        return dict(
            loss_intensity=self.intensity_weight * intensity,
            loss_ssim=self.ssim_weight * structure,
            loss_target=self.intensity_weight * (target - second).square().mean(),
            loss_detail=self.ssim_weight * (1 - ssim(detail, first).mean()),
        )
