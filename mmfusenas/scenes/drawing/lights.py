"""Lamps and headlights in the dark: how much light reaches a point of the world."""

from __future__ import annotations

import numpy as np

from .street import Street
from .weather import Weather

LAMP_HEIGHT = 4.6  # metres
_LAMP, _LAMP_RADIUS = 0.40, 3.0  # light below a lamp, and how far it reaches in metres
_BEAM_REACH, _BEAM_WIDTH = 9.0, 0.32  # of the own headlights: metres, and tangent of half their angle


def lamplight(street: Street, weather: Weather, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the light of the street lamps at points ``x``, ``z`` (arrays of one shape, or numbers); 0 by day."""
    total = np.float32(0) * x
    if not weather.dark:
        return total
    for lamp_x, lamp_z in street.lamps.astype(np.float32):
        near = 1 + ((x - lamp_x) ** 2 + (z - lamp_z) ** 2) * np.float32(1 / _LAMP_RADIUS**2)
        total = total + np.float32(_LAMP) / (near * near)
    return total


def headlight(weather: Weather, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the light of the own low beam at points ``x``, ``y``, ``z``: it fades ahead, aside and upwards."""
    if weather.headlight == 0:
        return np.float32(0) * x
    aside = x / (z * np.float32(_BEAM_WIDTH))
    square = aside * aside
    upward = np.clip(np.float32(1.7) - y, 0.10, 1.0)
    return (
        np.float32(weather.headlight) * upward / ((1 + square * square) * (1 + (z * np.float32(1 / _BEAM_REACH)) ** 2))
    )
