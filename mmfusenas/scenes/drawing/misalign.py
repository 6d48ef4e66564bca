"""Misalignment: the infrared camera looks a little aside of the visible one."""

from __future__ import annotations

import numpy as np

_PARTS = 64  # of a pixel: positions are rounded to them, so that every machine interpolates alike


def misaligned(image: np.ndarray, most: float, rng: np.random.Generator) -> np.ndarray:
    """Return the image under a random affine map: shifted, turned, stretched and sheared.

    Args:
        image: H x W uint8.
        most: No corner moves farther than this, in pixels.
        rng: Source of chance.

    Returns:
        H x W uint8, bilinear; what would lie outside repeats the rim.
    """
    height, width = image.shape
    # A corner moves by the shift alone, or by one or both of the slopes as well: at most 0.6 + 0.2 + 0.2 each way.
    shift, slope_x, slope_y = rng.uniform(-1, 1, (3, 2)) * np.array([[0.6], [0.2], [0.2]]) * most / np.sqrt(2)
    right, down = np.arange(width)[None] / width, np.arange(height)[:, None] / height
    moves = [shift[axis] + slope_x[axis] * right + slope_y[axis] * down for axis in (0, 1)]
    return _bilinear(image, np.arange(height)[:, None] + moves[1], np.arange(width)[None] + moves[0])


def _bilinear(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the image at positions between its pixels, in integer arithmetic."""
    (top, down), (left, across) = (
        np.divmod(np.rint(place * _PARTS).astype(np.int64), _PARTS) for place in (rows, columns)
    )
    top, bottom = (np.clip(top + k, 0, image.shape[0] - 1) for k in (0, 1))
    left, right = (np.clip(left + k, 0, image.shape[1] - 1) for k in (0, 1))
    grey = image.astype(np.int64)
    upper = grey[top, left] * (_PARTS - across) + grey[top, right] * across
    lower = grey[bottom, left] * (_PARTS - across) + grey[bottom, right] * across
    total = upper * (_PARTS - down) + lower * down
    return ((total + _PARTS * _PARTS // 2) // (_PARTS * _PARTS)).astype(np.uint8)
