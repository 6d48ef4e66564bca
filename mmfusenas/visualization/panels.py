"""Images side by side, with captions."""
from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import cv2
import numpy as np

BAR = 24
"""Height of a caption in pixels."""


def enlarge(image: np.ndarray, width: int = 480) -> tuple[np.ndarray, int]:
    """Enlarge a small image by the whole factor that makes it at least ``width`` wide; return both."""
    factor = max(1, ceil(width / image.shape[1]))
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return (cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) if factor > 1 else image), factor


def side_by_side(panels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Put images side by side, each under its caption.

    Args:
        panels: BGR images (uint8, all of one height) by caption.

    Example:
        >>> side_by_side({'visible': np.zeros((40, 90, 3), np.uint8), 'fused': np.zeros((40, 90, 3), np.uint8)}).shape
        (64, 182, 3)
    """
    columns = []
    for caption, image in panels.items():
        column = cv2.copyMakeBorder(image, BAR, 0, 0, 0, cv2.BORDER_CONSTANT, value=(32, 32, 32))
        cv2.putText(column, caption, (6, BAR - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        columns += [np.full((column.shape[0], 2, 3), 255, np.uint8), column] if columns else [column]
    return np.hstack(columns)
