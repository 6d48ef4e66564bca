"""l_F: the unsupervised fusion loss of TIM."""
from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from torch import Tensor, nn

from mmfusenas.models.losses.information import gradient_information, information_weights
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.models.losses.vgg_information import VGGInformation
from mmfusenas.registry import MODELS


@MODELS.register_module()
class FusionLoss(nn.Module):
    """Information-weighted intensity and structure (TIM section 4.2, l_F = l_int + mu * l_ssim).

    ``l_int = sum_i w_i MSE(fused, source_i)`` and ``l_ssim = sum_i w_i (1 - SSIM(fused, source_i))``, where the
    weights w_1 + w_2 = 1 of each pair of pictures come from the information of the sources
    (:func:`~mmfusenas.models.losses.information.gradient_information`), so that a dark, empty picture pulls less.
    The paper measures it on features of VGG: give the file of its weights as ``vgg``.

    Args:
        intensity_weight: Factor of l_int. Defaults to 20.0, as in U2Fusion.
        ssim_weight: Factor of l_ssim. Defaults to 1.0; mu is the ratio of the two.
        temperature: What the information is divided by before the softmax; the smaller, the nearer the weights are
            to 0 and 1. Defaults to 100.0, and with ``vgg`` to 1.0, which is U2Fusion's 3500: its features are of
            pictures in [0, 255], and 58 times as large as those of pictures divided by their standard deviation.
        vgg: File of torchvision's VGG16 weights, ``vgg16-397923af.pth`` (:class:`VGGInformation`). Defaults to None.

    Raises:
        FileNotFoundError: On first use, if there is no file ``vgg``.

    Shape:
        fused, first, second: N x 1 x H x W luma in [0, 1]; result: dict of scalars.

    Example:
        >>> pictures = [torch.rand(2, 1, 61, 83) for _ in range(3)]
        >>> sorted(FusionLoss()(*pictures))
        ['loss_intensity', 'loss_ssim']
    """

    def __init__(self, intensity_weight: float = 20.0, ssim_weight: float = 1.0, temperature: float | None = None,
                 vgg: str | None = None) -> None:
        super().__init__()
        self.intensity_weight = intensity_weight
        self.ssim_weight = ssim_weight
        self.vgg = vgg
        self.temperature = (1.0 if vgg else 100.0) if temperature is None else temperature

    @cached_property
    def information(self) -> Callable[[Tensor], Tensor]:
        """The measure of a picture's information; its weights are read when it is first asked.

        So a trained model is rebuilt without the file of its loss.
        """
        return VGGInformation(self.vgg) if self.vgg else gradient_information

    def forward(self, fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        weights = information_weights(first, second, self.temperature, self.information)
        sources = list(zip((first, second), weights.unbind(1), strict=True))
        intensity = sum(weight * (fused - source).square().mean((1, 2, 3)) for source, weight in sources)
        structure = sum(weight * (1 - ssim(fused, source)) for source, weight in sources)
        return dict(
            loss_intensity=self.intensity_weight * intensity.mean(), loss_ssim=self.ssim_weight * structure.mean()
        )
