"""l_F: the unsupervised fusion loss of TIM."""
from __future__ import annotations

from torch import Tensor, nn

from mmfusenas.models.losses.information import information_weights
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.registry import MODELS


@MODELS.register_module()
class FusionLoss(nn.Module):
    """Information-weighted intensity and structure (TIM section 4.2, l_F = l_int + mu * l_ssim).

    ``l_int = sum_i w_i MSE(fused, source_i)`` and ``l_ssim = sum_i w_i (1 - SSIM(fused, source_i))``, where the
    weights w_1 + w_2 = 1 of each pair of pictures come from the information of the sources
    (:func:`~mmfusenas.models.losses.information.gradient_information`), so that a dark, empty picture pulls less.

    Args:
        intensity_weight: Factor of l_int. Defaults to 20.0, as in U2Fusion.
        ssim_weight: Factor of l_ssim. Defaults to 1.0; mu is the ratio of the two.
        temperature: What the information is divided by before the softmax; the smaller, the nearer the weights are
            to 0 and 1. Defaults to 100.0.

    Shape:
        fused, first, second: N x 1 x H x W luma in [0, 1]; result: dict of scalars.

    Example:
        >>> pictures = [torch.rand(2, 1, 61, 83) for _ in range(3)]
        >>> sorted(FusionLoss()(*pictures))
        ['loss_intensity', 'loss_ssim']
    """

    def __init__(self, intensity_weight: float = 20.0, ssim_weight: float = 1.0, temperature: float = 100.0) -> None:
        super().__init__()
        self.intensity_weight = intensity_weight
        self.ssim_weight = ssim_weight
        self.temperature = temperature

    def forward(self, fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        weights = information_weights(first, second, self.temperature)
        sources = list(zip((first, second), weights.unbind(1), strict=True))
        intensity = sum(weight * (fused - source).square().mean((1, 2, 3)) for source, weight in sources)
        structure = sum(weight * (1 - ssim(fused, source)) for source, weight in sources)
        return dict(
            loss_intensity=self.intensity_weight * intensity.mean(), loss_ssim=self.ssim_weight * structure.mean()
        )
