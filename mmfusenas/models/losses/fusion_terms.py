"""Loss terms of a fused image: intensity and structure in three forms, as functions."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.models.losses.saliency import saliency_weights
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.models.utils.gaussian_window import gaussian_window

_SCALES = 4
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


def maximum_terms(fused: Tensor, first: Tensor, second: Tensor, source_weights: Sequence[float],
                  contrast_share: float) -> dict[str, Tensor]:
    """Return the terms of the brighter source and of the stronger edge, at every pixel.

    With A and B the sources times their weights, clamped to 1: the intensity is held to :func:`brighter_source`, the
    gradient, at four scales, to that of the source whose gradient is the larger at that pixel and scale, direction
    included, both by the mean absolute difference; and SSIM to the mean of both sources as they are,
    ``1 - (SSIM(F, first) + SSIM(F, second)) / 2``.

    Args:
        fused, first, second: N x 1 x H x W in [0, 1].
        source_weights: Factors of the two sources. An infrared image of a street has a third of the visible one's
            contrast: at equal weights a brighter visible ground hides a warm body.
        contrast_share: Of :func:`brighter_source`.
    """
    scaled = [(weight * source).clamp(max=1) for weight, source in zip(source_weights, (first, second), strict=True)]
    return dict(
        intensity=(fused - brighter_source(*scaled, contrast_share)).abs().mean(),
        gradient=stronger_edge_distance(fused, *scaled),
        ssim=1 - (ssim(fused, first) + ssim(fused, second)).mean() / 2)


def brighter_source(first: Tensor, second: Tensor, contrast_share: float) -> Tensor:
    """Return max(A, B), raised where B stands out from its surroundings by more than this does.

    ``T + contrast_share * max((B - around(B)) - (T - around(T)), 0)`` with ``T = max(A, B)``, and ``around`` a
    Gaussian mean of standard deviation 12 pixels: what is warm stays brighter than what is round it, on bright
    ground too.

    Shape:
        N x 1 x H x W in [0, 1] twice, to the same, clamped to 1.
    """
    brighter = torch.maximum(first, second)
    if not contrast_share:
        return brighter
    inside = gaussian_window(torch.ones_like(first), 12.0, 30)
    surplus = [x - gaussian_window(x, 12.0, 30) / inside for x in (second, brighter)]
    return (brighter + contrast_share * (surplus[0] - surplus[1]).clamp(min=0)).clamp(max=1)


def stronger_edge_distance(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return how far the gradient is from that of the source with the larger one, the mean over pixels and scales.

    Args:
        fused, first, second: N x 1 x H x W. The four sizes are each half the one before; fewer where a side gets below
            2 pixels.
    """
    images, distances = (fused, first, second), []
    while len(distances) < _SCALES and min(images[0].shape[2:]) >= 2:
        edges, *sources = map(image_gradient, images)
        strengths = [edge.square().sum(1, keepdim=True) for edge in sources]
        stronger = torch.where(strengths[0] >= strengths[1], *sources)
        distances.append((edges - stronger).abs().mean())
        images = [F.avg_pool2d(image, 2) for image in images]
    return torch.stack(distances).mean()


def image_gradient(image: Tensor) -> Tensor:
    """Return the horizontal and the vertical derivative of an image, by Sobel filters over reflected borders.

    Shape:
        N x 1 x H x W to N x 2 x H x W, in the image's unit a pixel, times 2.
    """
    horizontal = image.new_tensor(_SOBEL)
    kernels = torch.stack([horizontal, horizontal.T]).unsqueeze(1)
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode='reflect'), kernels)
