"""The guided image filter."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.models.utils.precision import in_full_precision


def box_mean(x: Tensor, radius: int) -> Tensor:
    """Return the mean over (2 radius + 1) x (2 radius + 1) windows, cut at the border.

    Shape:
        N x C x H x W to the same.
    """
    # A separable mean: average pooling that leaves the padding out of its count is exact at the border.
    size, pad = 2 * radius + 1, radius
    x = F.avg_pool2d(x, (size, 1), 1, (pad, 0), count_include_pad=False)
    return F.avg_pool2d(x, (1, size), 1, (0, pad), count_include_pad=False)


@in_full_precision  # a difference of nearly equal means, over a small variance
def guided_filter(guide: Tensor, x: Tensor, radius: int, eps: float) -> Tensor:
    """Filter ``x`` with the edges of ``guide`` kept (He et al., Guided image filtering, eqs. 4-8).

    Args:
        guide: N x 1 x H x W.
        x: Image or features to filter, N x C x H x W.
        radius: Radius of the windows in pixels.
        eps: Regularisation: variances of the guide well below it are smoothed away.

    Shape:
        N x C x H x W.
    """
    mean_guide, mean_x = box_mean(guide, radius), box_mean(x, radius)
    covariance = box_mean(guide * x, radius) - mean_guide * mean_x
    variance = box_mean(guide * guide, radius) - mean_guide * mean_guide
    slope = covariance / (variance + eps)
    offset = mean_x - slope * mean_guide
    return torch.addcmul(box_mean(offset, radius), box_mean(slope, radius), guide)
