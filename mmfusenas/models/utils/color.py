"""Luma and chroma of BGR images (BT.601, full range)."""
from __future__ import annotations

import torch
from torch import Tensor


def luma(bgr: Tensor) -> Tensor:
    """Return the luma of BGR images.

    Shape:
        N x 3 x H x W, any range, to N x 1 x H x W of the same range.
    """
    blue, green, red = bgr.unbind(1)
    return (0.114 * blue + 0.587 * green + 0.299 * red).unsqueeze(1)


def replace_luma(bgr: Tensor, new_luma: Tensor) -> Tensor:
    """Return BGR images of the luma ``new_luma`` and the chroma of ``bgr``.

    In full-range YCbCr the chroma planes are B - Y and R - Y up to scale, so putting them back on another luma adds
    the same difference to the three channels: no conversion, no rounding, and the gradient of every channel for the
    luma is exactly one.

    Shape:
        N x 3 x H x W and N x 1 x H x W to N x 3 x H x W.

    Example:
        >>> bgr = torch.rand(1, 3, 4, 4)
        >>> torch.allclose(replace_luma(bgr, luma(bgr)), bgr)
        True
    """
    return bgr + (new_luma - luma(bgr))


def to_uint8(image: Tensor) -> Tensor:
    """Round images in [0, 1] to uint8, clamped.

    Shape:
        Any to the same, uint8 in 0-255.
    """
    return (image.detach() * 255).round().clamp(0, 255).to(torch.uint8)
