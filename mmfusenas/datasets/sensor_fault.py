"""Whether an image is that of a sensor that fails."""
from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import numpy as np

from mmfusenas.datasets.images import largest_value, to_grey

DARK = 28 / 255
"""Grey level, as a share of the range, that fewer than one pixel in a hundred exceed where a sensor gets no light."""
SATURATED = 0.4
"""Share of the pixels at the end of the range in an image that is saturated."""
NOISE = 10 / 255
"""Standard deviation of the noise in the flattest tenth of an image, as a share of the range."""
FROZEN = 50
"""Times that an image has come again while the other sensor's changed, from which on its sensor is known to stand."""
_BLOCK = 8


def sensor_fault(image: np.ndarray, largest: float | None = None) -> str | None:
    """Say why an image is of no use, or None where it is of some.

    It is ``'of one value'``; ``'dark'``: 99 pixels in a hundred are below 28 of 255; ``'saturated'``: 40 in a hundred
    are at the end of the range; or ``'noisy'``: noise of more than 10 of 255 where the image is flattest. Noise is that
    of the differences that neither an edge along the rows nor one along the columns has, in blocks of 16 x 16 pixels.
    An image of less than 32 pixels a side is never noisy.

    Args:
        image: H x W, or H x W x 3 (BGR), of 8 or 16 bit, or floats in 0-255.
        largest: End of its range, of files with fewer bits than their type has. Defaults to None, that of the type.

    Example:
        >>> day = np.linspace(0, 200, 4096).astype(np.uint8).reshape(64, 64)
        >>> night, noise = day // 10, np.random.default_rng(0).integers(60, 190, (64, 64), np.uint8)
        >>> sensor_fault(day), sensor_fault(night), sensor_fault(noise)
        (None, 'dark', 'noisy')
    """
    if image.min() == image.max():
        return 'of one value'
    grey = to_grey(image).astype(np.float32) / (largest or largest_value(image))
    if np.percentile(grey, 99) < DARK:
        return 'dark'
    if (grey > 1 - 1.5 / 255).mean() > SATURATED:
        return 'saturated'
    return 'noisy' if _noise(grey) > NOISE else None


def failed_sensor(images: Mapping[str, np.ndarray], largest: Mapping[str, float] | None = None) -> str | None:
    """Return the sensor whose image is of no use; None where both are of some, or neither is.

    Args:
        images: Image by sensor, as of :func:`sensor_fault`.
        largest: ``largest`` of it by sensor, where that is not the end of the type's range.

    Example:
        >>> day = np.linspace(0, 200, 4096).astype(np.uint8).reshape(64, 64)
        >>> failed_sensor(dict(visible=day // 10, infrared=day))
        'visible'
    """
    ends = largest or {}
    failed = [sensor for sensor, image in images.items() if sensor_fault(image, ends.get(sensor))]
    return failed[0] if len(failed) == 1 else None


class FrozenWatch:
    """Find the sensor of a sequence of pairs that stands: it shows one image while the other sensor's changes.

    Images are compared bit for bit, so that a sensor in whose image there is noise never stands; frames of a lossy
    video that were one image may differ. A sensor that stands is named from the fiftieth time on, so that one of 1 Hz
    beside one of 30 Hz is none.

    Args:
        times: From which repetition on a sensor stands. Defaults to 50.

    Example:
        >>> watch, stands = FrozenWatch(2), np.zeros((4, 4), np.uint8)
        >>> [watch(dict(visible=stands + number, infrared=stands)) for number in range(4)]
        [None, None, 'infrared', 'infrared']
    """

    def __init__(self, times: int = FROZEN) -> None:
        self.times = times
        self._last: dict[str, int] = {}
        self._repeats: dict[str, int] = {}

    def __call__(self, images: Mapping[str, np.ndarray]) -> str | None:
        """Return the sensor that stands, of the next pair; None where none does."""
        sums = {sensor: crc32(np.ascontiguousarray(image)) for sensor, image in images.items()}
        same = {sensor for sensor, number in sums.items() if number == self._last.get(sensor)}
        self._last = sums
        if len(same) < len(images):  # where nothing changes nothing is known of either
            self._repeats = {sensor: self._repeats.get(sensor, 0) + 1 if sensor in same else 0 for sensor in images}
        return next((sensor for sensor, number in self._repeats.items() if number >= self.times), None)


def _noise(grey: np.ndarray) -> float:
    """Return the standard deviation of the noise in the flattest tenth of an image H x W."""
    side = 2 * _BLOCK
    rows, columns = (length // side for length in grey.shape)
    if min(rows, columns) < 2:
        return 0.0
    part = grey[:rows * side, :columns * side]
    diagonal = (part[::2, ::2] - part[1::2, ::2] - part[::2, 1::2] + part[1::2, 1::2]) / 2
    blocks = diagonal.reshape(rows, _BLOCK, columns, _BLOCK)
    return float(np.sqrt(np.percentile((blocks ** 2).mean((1, 3)), 10)))
