"""Structural similarity, differentiable and fast enough for a training loss."""
from __future__ import annotations

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.models.utils.gaussian_window import gaussian_window
from mmfusenas.models.utils.precision import in_full_precision

_REACH = 5  # of the window, to every side


@in_full_precision  # variances are differences of nearly equal numbers
def ssim(x: Tensor, y: Tensor, data_range: float = 1.0) -> Tensor:
    """Return the mean structural similarity of each image (Wang et al., Image quality assessment, 2004).

    Gaussian window of 11 pixels and standard deviation 1.5, K1 = 0.01, K2 = 0.03, over the pixels whose window lies
    inside the image, as the authors have it; torchmetrics also counts those at the border, which it mirrors.

    Args:
        x: Images.
        y: Images to compare with.
        data_range: Largest value minus smallest. Defaults to 1.0.

    Shape:
        N x 1 x H x W twice, to N; H and W at least 11.

    Raises:
        ValueError: If the shapes differ, or an image is smaller than the window.
    """
    if x.shape != y.shape or x.shape[1] != 1 or min(x.shape[2:]) <= 2 * _REACH:
        raise InputError(
            f'ssim got {tuple(x.shape)} and {tuple(y.shape)}: give two N x 1 x H x W of one shape, at least '
            f'{2 * _REACH + 1} pixels a side.'
        )
    moments = gaussian_window(torch.cat([x, y, x * x, y * y, x * y]), 1.5, _REACH, inside=True)
    return similarity(moments, data_range).mean((1, 2, 3))


def similarity(moments: Tensor, data_range: float, unbiased: float = 1.0) -> Tensor:
    """Return the structural similarity at every place, with K1 = 0.01 and K2 = 0.03.

    Args:
        moments: Means over the window at every place, of x, y, x^2, y^2 and x y one after the other.
        data_range: Largest value minus smallest.
        unbiased: Factor of variances and covariance, n / (n - 1) for those of n pixels. Defaults to 1.0.

    Shape:
        5 N x 1 x H x W to N x 1 x H x W.
    """
    mean_x, mean_y, xx, yy, xy = moments.chunk(5)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    variances = unbiased * (xx - mean_x**2 + yy - mean_y**2)
    return luminance * (2 * unbiased * (xy - mean_x * mean_y) + c2) / (variances + c2)
