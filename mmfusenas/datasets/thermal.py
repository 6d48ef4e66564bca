"""Thermal images in a unit of their own: kelvin, degrees Celsius, raw counts."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmfusenas.core.errors import InputError


class ThermalScale:
    """Bring thermal images to 16 bit, from black at a low temperature to white at a high one, clipped beyond.

    Args:
        limits: Values that become black and white, in the unit of the files, such as (273.15, 313.15) kelvin or
            (3000, 4200) counts. Images stay comparable. Defaults to None.
        percentiles: Of each image, whose values become black and white, such as (1, 99), in the place of ``limits``.
            Defaults to None.
        black_hot: Whether the files are dark where it is hot; the result never is. Defaults to False.

    Raises:
        ValueError: Not one of ``limits`` and ``percentiles``, or the second value is not above the first.

    Shape:
        H x W of any type to H x W uint16.

    Example:
        >>> ThermalScale(limits=(270, 320))(np.float32([[250, 270, 280, 400]])).tolist()
        [[0, 0, 13107, 65535]]
        >>> ThermalScale(percentiles=(0, 100), black_hot=True)(np.uint16([[7000, 7010, 7050]])).tolist()
        [[65535, 52428, 0]]
    """

    def __init__(self, limits: Sequence[float] | None = None, percentiles: Sequence[float] | None = None,
                 black_hot: bool = False) -> None:
        given = limits if limits is not None else percentiles
        if (limits is None) == (percentiles is None) or len(given) != 2 or not given[0] < given[1]:
            raise InputError(f'ThermalScale got limits={limits} and percentiles={percentiles}: give one of them, as '
                             '(low, high) with low < high.')
        if percentiles is not None and not 0 <= percentiles[0] < percentiles[1] <= 100:
            raise InputError(f'ThermalScale got percentiles={percentiles}; they lie between 0 and 100.')
        self.limits, self.percentiles, self.black_hot = limits, percentiles, black_hot

    def __call__(self, image: np.ndarray) -> np.ndarray:
        low, high = self.limits if self.limits is not None else np.percentile(image, self.percentiles)
        scaled = ((image.astype(np.float64) - low) / max(high - low, np.finfo(np.float32).tiny)).clip(0, 1)
        white = np.iinfo(np.uint16).max
        scaled = np.rint(scaled * white).astype(np.uint16)
        return white - scaled if self.black_hot else scaled

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(limits={self.limits}, percentiles={self.percentiles}, '
                f'black_hot={self.black_hot})')
