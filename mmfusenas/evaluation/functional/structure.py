"""Structural similarity of the fused image with its sources, on one and on several scales."""
from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from mmfusenas.evaluation.functional.images import as_double, filtered
from mmfusenas.models.losses.ssim import similarity

_WINDOW = 7
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_SCALE_WINDOW = 11


def ssim(fused: Tensor, visible: Tensor, infrared: Tensor, data_range: float = 255.0) -> Tensor:
    """Return SSIM(F, V) + SSIM(F, I), as scikit-image computes it.

    Wang et al., Image quality assessment, 2004: uniform window of 7 pixels, unbiased variances, K1 = 0.01,
    K2 = 0.03, the mean over the pixels whose window lies inside the image.

    Args:
        data_range: Largest value minus smallest, in the constants (K1 * range)^2 and (K2 * range)^2. Defaults to 255,
            that of the images; scikit-image up to 0.19 took 2 for floating-point ones, whatever their values.

    Shape:
        N x 1 x H x W in [0, 255] three times, H and W at least 7, to N values in [-2, 2].
    """
    fused, *sources = as_double(fused, visible, infrared, side=_WINDOW)
    return sum(_similarity(fused, source, data_range) for source in sources)


def ms_ssim(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return MS-SSIM(F, V) + MS-SSIM(F, I), by torchmetrics.

    Wang et al., Multiscale structural similarity for image quality assessment, 2003: Gaussian window of 11 pixels
    and standard deviation 1.5, five scales. Of images of 160 pixels or less on a side as many scales as fit, their
    weights brought to a sum of 1 again. A scale of negative similarity counts as 0. The last scale is taken whole, its
    border mirrored; of the others the pixels where the window fits.

    Shape:
        N x 1 x H x W in [0, 255] three times, H and W at least 11, to N values in [0, 2].
    """
    fused, *sources = (image.float() for image in as_double(fused, visible, infrared, side=_SCALE_WINDOW))
    # torchmetrics asks for more than ten pixels at the smallest scale.
    scales = [weight for level, weight in enumerate(_SCALES) if min(fused.shape[2:]) // 2**level >= _SCALE_WINDOW]
    betas = tuple(weight / sum(scales) for weight in scales)
    return sum(
        multiscale_structural_similarity_index_measure(
            fused, source, data_range=255.0, betas=betas, normalize='relu', reduction='none').double()
        for source in sources
    )


def _similarity(x: Tensor, y: Tensor, data_range: float) -> Tensor:
    taps = x.new_full((_WINDOW,), 1 / _WINDOW)
    moments = filtered(torch.cat([x, y, x * x, y * y, x * y]), taps)
    return similarity(moments, data_range, unbiased=_WINDOW**2 / (_WINDOW**2 - 1)).mean((1, 2, 3))
