"""The two sensors: what a visible camera and an infrared one make of the same frame.

Only additions, products, quotients and square roots of float32 and OpenCV's integer filters are used, which round
alike everywhere, so that an image is the same on every machine.
"""

from __future__ import annotations

import cv2
import numpy as np

from .frame import SKY, Frame, planes
from .lights import LAMP_HEIGHT, headlight, lamplight
from .street import Street
from .textures import grain, sample_noise
from .weather import Weather

_MIRROR_GAIN = 8.0
_INFRARED_FOG = 0.25  # of the visible attenuation
_SKY_DEPTH = 200.0


def see_visible(
    frame: Frame, street: Street, weather: Weather, spots: list[tuple[float, float]], rng: np.random.Generator
) -> np.ndarray:
    """Return the visible image, H x W x 3 uint8 (blue, green, red).

    Args:
        frame: What is to be seen.
        street: Holds the camera and the lamps.
        weather: Light, fog, noise.
        spots: Blinding sources, in image heights right of the middle and below the top.
        rng: Source of the noise.
    """
    surface = frame.paint[:3] * np.float32(1 / 255)
    linear = surface * surface
    linear *= _light(frame, street, weather) + frame.glow
    if weather.condition == 'fog':
        clear = 1 / _growth(frame.depth * np.float32(weather.fog))
        linear *= clear
        linear += np.float32(0.85 * weather.ambient) * planes(*weather.tint) * (1 - clear)
    if weather.dark:
        linear += _bloom(frame.glow * (frame.depth < _SKY_DEPTH)) * planes(*weather.lamp_tint)
    for spot in spots:
        linear += _veil(frame.depth.shape, spot, weather) * planes(0.86, 0.95, 1.0)
    grey = (np.sqrt(np.minimum(linear, 1)) * 255).astype(np.uint8)
    image = cv2.GaussianBlur(np.ascontiguousarray(grey.transpose(1, 2, 0)), (3, 3), 0.45)
    noise = grain(rng, (4, *frame.depth.shape))  # one plane for all colours, and one for each
    noisy = image.transpose(2, 0, 1) + (noise[:1] + noise[1:]) * np.float32(0.7 * weather.noise)
    return np.ascontiguousarray(to_uint8(noisy).transpose(1, 2, 0))


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Return values rounded to uint8."""
    return np.minimum(np.maximum(values + np.float32(0.5), 0), 255).astype(np.uint8)


def _growth(x: np.ndarray) -> np.ndarray:
    """Return about exp(x) for x >= 0, by its series to the fourth power, which every machine rounds alike."""
    return 1 + x * (1 + x * (np.float32(1 / 2) + x * (np.float32(1 / 6) + x * np.float32(1 / 24))))


def _light(frame: Frame, street: Street, weather: Weather) -> np.ndarray:
    """Return the light that falls on each surface, 3 x H x W; the sky takes none."""
    light = (np.float32(weather.ambient) + np.float32(weather.sun) * frame.sun) * planes(*weather.tint)
    if weather.dark:
        height, width = frame.depth.shape
        camera = street.camera
        column, row = camera.vanishing
        step = frame.depth / np.float32(camera.focal)
        x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - column)) * step
        y = np.float32(camera.eye) + (np.float32(row - 0.5) - np.arange(height, dtype=np.float32)[:, None]) * step
        lamps = lamplight(street, weather, x, frame.depth) * np.clip((LAMP_HEIGHT + 0.5 - y), 0, 1)
        light += lamps * planes(*weather.lamp_tint)
        light += headlight(weather, x, y, frame.depth) * (1 + np.float32(_MIRROR_GAIN) * frame.mirror)
    return light * (frame.depth < _SKY_DEPTH)


def _bloom(glow: np.ndarray) -> np.ndarray:
    """Return the halo of small bright sources, H x W."""
    height, width = glow.shape
    small = cv2.resize(
        (np.minimum(glow, 1) * 255).astype(np.uint8),
        (max(width // 4, 1), max(height // 4, 1)),
        interpolation=cv2.INTER_AREA,
    )
    wide = cv2.GaussianBlur(small, (0, 0), max(height / 4 * 0.03, 0.5)).astype(np.float32)
    wide = cv2.resize(
        (np.minimum(wide * 2, 255)).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR_EXACT
    )
    return wide.astype(np.float32) * np.float32(0.7 / 255)


def _veil(shape: tuple[int, int], spot: tuple[float, float], weather: Weather) -> np.ndarray:
    """Return the light that a blinding source at ``spot`` spreads over the lens: core, wide veil and a streak."""
    height, width = shape
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) * np.float32(1 / height) - np.float32(
        spot[0]
    )
    y = ((np.arange(height, dtype=np.float32) + np.float32(0.5)) * np.float32(1 / height))[:, None] - np.float32(
        spot[1]
    )
    distance = (x * x + y * y) * np.float32(1 / (0.13 * weather.glare) ** 2)
    core, veil = 1 / ((1 + distance) * (1 + distance)), 1 / (1 + distance * np.float32(0.25))
    streak = 1 / ((1 + y * y * 6000) * (1 + x * x * 12))
    return np.float32(1.6) * core + np.float32(0.25 * weather.glare) * veil + np.float32(0.35) * streak


def see_infrared(frame: Frame, weather: Weather, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Return the infrared image, H x W uint8, warm is bright.

    Args:
        frame: What is to be seen.
        weather: Temperatures and fog; fog takes less of infrared, and none of the glare reaches it.
        deviation: Standard deviation of the noise in grey levels.
        rng: Source of the noise.
    """
    height, width = frame.depth.shape
    shaded = frame.semantic != SKY
    warmth = frame.paint[3] + np.float32(22 * weather.sun) * (frame.sun - np.float32(0.5)) * shaded
    if weather.condition == 'fog':
        clear = 1 / _growth(np.minimum(frame.depth, 120) * np.float32(_INFRARED_FOG * weather.fog))
        warmth = warmth * clear + np.float32(255 * weather.plants) * (1 - clear)
    grey = cv2.GaussianBlur(to_uint8(warmth), (5, 5), 0.75 * max(height / 192, 0.8))
    u, v = (
        np.arange(width, dtype=np.float32) * (160 / height),
        np.arange(height, dtype=np.float32)[:, None] * (160 / height),
    )
    drift = 3 * sample_noise(2, u + np.float32(weather.ambient * 997 % 256), v)
    noise = np.float32(deviation) * (grain(rng, (height, width)) + np.float32(0.4) * grain(rng, (1, width)))
    return to_uint8(grey + drift + noise)
