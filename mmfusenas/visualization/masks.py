"""Segmentation maps drawn over an image."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from matplotlib import colormaps

OPACITY = 0.5


def draw_mask(image: np.ndarray, mask: np.ndarray, dataset_meta: Mapping[str, Any] | None = None) -> np.ndarray:
    """Lay the colours of a segmentation map over an image.

    Args:
        image: H x W x 3 BGR, uint8.
        mask: Class numbers, h x w; brought to the image's size. Numbers without a colour (255: ignored) stay clear.
        dataset_meta: ``palette``, RGB a class; matplotlib's ``tab20`` otherwise.

    Returns:
        An image of the same size, BGR, uint8.

    Example:
        >>> draw_mask(np.zeros((40, 60, 3), np.uint8), np.ones((20, 30), np.uint8)).shape
        (40, 60, 3)
    """
    palette = (dataset_meta or {}).get('palette') or [
        [round(255 * part) for part in colour] for colour in colormaps['tab20'].colors]
    table = np.zeros((256, 3), np.uint8)
    table[:len(palette)] = np.array(palette, np.uint8)[:, ::-1]
    mask = cv2.resize(mask.astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    blended = cv2.addWeighted(image, 1 - OPACITY, table[mask], OPACITY, 0)
    return np.where((mask < len(palette))[..., None], blended, image)
