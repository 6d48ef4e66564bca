"""Gaussian windows of images."""
from __future__ import annotations

import torch
from torch import Tensor


def gaussian_window(x: Tensor, sigma: float, reach: int, inside: bool = False) -> Tensor:
    """Return the mean around each pixel, weighted by a Gaussian over 2 ``reach`` + 1 pixels in both directions.

    Args:
        x: Images.
        sigma: Standard deviation in pixels.
        reach: Pixels on every side, at least 1.
        inside: Only for pixels whose window lies inside the image; else nothing, 0, lies beyond the border.

    Shape:
        N x C x H x W to the same, or with ``inside`` to N x C x (H - 2 reach) x (W - 2 reach).
    """
    # Products with matrices: a CPU takes many times as long for long convolutions of one channel.
    rows, columns = (_band(size, sigma, reach, x) for size in x.shape[-2:])
    if inside:
        rows, columns = rows[reach:-reach], columns[:, reach:-reach]
    return rows @ x @ columns


def _band(size: int, sigma: float, reach: int, like: Tensor) -> Tensor:
    """Return the matrix that weighs ``size`` values in a row by the window around each."""
    far = max(size - 1, reach)
    offsets = torch.arange(-far, far + 1, dtype=torch.float64)
    taps = torch.exp(-0.5 * (offsets / sigma) ** 2) * (offsets.abs() <= reach)
    taps = (taps / taps.sum())[far + 1 - size:far + size].to(like)
    return taps.unfold(0, size, 1).flip(0)
