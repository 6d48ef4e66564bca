"""What a fused image is held to: three forms of intensity and structure terms, as functions."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.models.losses.saliency import saliency_weights
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.models.utils.precision import in_full_precision

_SOBEL = ((-0.25, 0.0, 0.25), (-0.5, 0.0, 0.5), (-0.25, 0.0, 0.25))


def information_terms(fused: Tensor, first: Tensor, second: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Return the published l_F: MSE and 1 - SSIM to both sources, one weight a source (TIM section 4.2).

    Args:
        fused, first, second: N x 1 x H x W in [0, 1].
        weights: N x 2, the share of each source; rows sum to 1.
    """
    sources = list(zip((first, second), weights.unbind(1), strict=True))
    intensity = sum(weight * (fused - source).square().mean((1, 2, 3)) for source, weight in sources)
    structure = sum(weight * (1 - ssim(fused, source)) for source, weight in sources)
    return dict(intensity=intensity.mean(), ssim=structure.mean())


def saliency_terms(fused: Tensor, first: Tensor, second: Tensor, temperature: float) -> dict[str, Tensor]:
    """Return the terms weighted pixel by pixel with the saliency maps M_A and M_B (TIM section 4.2, l_T).

    ``l_int = |M_A (F - A)|^2 + |M_B (F - B)|^2``, ``l_ssim = 2 - SSIM(M_A A, M_A F) - SSIM(M_B B, M_B F)``.

    Args:
        fused, first, second: N x 1 x H x W in [0, 1].
        temperature: Of :func:`~mmfusenas.models.losses.saliency.saliency_weights`.
    """
    pairs = list(zip(saliency_weights(first, second, temperature), (first, second), strict=True))
    return dict(
        intensity=sum((weight * (fused - source)).square().mean() for weight, source in pairs),
        ssim=sum(1 - ssim(weight * source, weight * fused).mean() for weight, source in pairs))


def maximum_terms(fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
    """Return the terms of the brighter source and the stronger edge at every pixel.

    ``|F - max(A, B)|``, the gradient term ``|grad F - grad S|`` where S is, pixel by pixel, the source with the
    larger gradient magnitude (Sobel, both directions, signs kept), and ``1 - (SSIM(F, A) + SSIM(F, B)) / 2``; means
    over pixels.

    Args:
        fused, first, second: N x 1 x H x W in [0, 1].
    """
    edges, *sources = (image_gradient(image) for image in (fused, first, second))
    strengths = [edge.square().sum(1, keepdim=True) for edge in sources]
    stronger = torch.where(strengths[0] >= strengths[1], *sources)
    return dict(
        intensity=(fused - torch.maximum(first, second)).abs().mean(),
        gradient=(edges - stronger).abs().mean(),
        ssim=1 - (ssim(fused, first) + ssim(fused, second)).mean() / 2)


@in_full_precision  # differences of nearly equal numbers
def image_gradient(image: Tensor) -> Tensor:
    """Return the horizontal and the vertical derivative of an image, by Sobel filters over reflected borders.

    Shape:
        N x 1 x H x W to N x 2 x H x W, in the image's unit a pixel, times 2.
    """
    horizontal = image.new_tensor(_SOBEL)
    kernels = torch.stack([horizontal, horizontal.T]).unsqueeze(1)
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode='reflect'), kernels)
