"""Pictures side by side, with captions."""
from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import cv2
import numpy as np

from mmfusenas.datasets.pictures import to_colour

BAR = 24
"""Height of a caption in pixels."""


def displayable(picture: np.ndarray) -> np.ndarray:
    """Return an 8 bit BGR picture to look at.

    Deeper pictures are stretched from their darkest to their brightest value: few sensors fill their 16 bits.

    Shape:
        H x W, H x W x 1 or H x W x 3 of any number type, to H x W x 3 of uint8.

    Example:
        >>> displayable(np.array([[7000, 9000]], np.uint16))[0, :, 0].tolist()
        [0, 255]
    """
    if picture.dtype != np.uint8:
        picture = cv2.normalize(picture.astype(np.float32), None, 0, 255, cv2.NORM_MINMAX).round().astype(np.uint8)
    return to_colour(picture)


def enlarge(picture: np.ndarray, width: int = 480) -> tuple[np.ndarray, int]:
    """Enlarge a small picture by the whole factor that makes it at least ``width`` wide; return both."""
    factor = max(1, ceil(width / picture.shape[1]))
    size = (picture.shape[1] * factor, picture.shape[0] * factor)
    return (cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC) if factor > 1 else picture), factor


def side_by_side(panels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Put pictures side by side, each under its caption.

    Args:
        panels: BGR pictures (uint8, all of one height) by caption.

    Example:
        >>> side_by_side({'visible': np.zeros((40, 90, 3), np.uint8), 'fused': np.zeros((40, 90, 3), np.uint8)}).shape
        (64, 182, 3)
    """
    columns = []
    for caption, picture in panels.items():
        column = cv2.copyMakeBorder(picture, BAR, 0, 0, 0, cv2.BORDER_CONSTANT, value=(32, 32, 32))
        cv2.putText(column, caption, (6, BAR - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        columns += [np.full((column.shape[0], 2, 3), 255, np.uint8), column] if columns else [column]
    return np.hstack(columns)
