"""A camera in little light: what it makes of an image that was taken in enough of it."""

from __future__ import annotations

import numpy as np

from .sensors import to_uint8
from .textures import grain

_READ_LEVEL = 4.0  # grey level of the signal at which read noise and shot noise are equally strong


def darken(image: np.ndarray, exposure: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return the dark and noisy image of the same view.

    In linear light, the square of the grey levels, the signal is scaled and gets noise of two kinds: shot noise, whose
    variance grows with the signal, and read noise, which is there without any. Square roots of that are rounded. As in
    :mod:`mmfusenas.scenes.drawing.sensors`, only operations that every machine rounds alike are used.

    Args:
        image: H x W x 3 uint8, or grey levels between.
        exposure: Share of the light that is left, above 0.
        noise: Standard deviation of the shot noise in grey levels of the result: after the square root it is the same
            at every level but the lowest, where the noise is cut off at black.
        rng: Source of the noise.

    Example:
        >>> darken(np.full((4, 6, 3), 200, np.uint8), 0.04, 0.0, np.random.default_rng(0))[0, 0].tolist()
        [40, 40, 40]
    """
    surface = image.transpose(2, 0, 1) * np.float32(1 / 255)
    linear = surface * surface * np.float32(exposure)
    shot = np.float32(2 * noise / 255)
    deviation = np.sqrt(linear + np.float32((_READ_LEVEL / 255) ** 2)) * shot
    linear += deviation * grain(rng, linear.shape)
    grey = np.sqrt(np.maximum(linear, 0)) * np.float32(255)
    return np.ascontiguousarray(to_uint8(grey).transpose(1, 2, 0))
