"""Light, air and temperatures of a scene: what decides which sensor sees what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .difficulty import Difficulty

_ORANGE, _WHITE, _BLUE = (0.45, 0.8, 1.0), (1.0, 1.0, 1.0), (1.0, 0.85, 0.75)


@dataclass(frozen=True)
class Weather:
    """Light is linear, 1 for a sunlit surface; temperatures are grey levels of the infrared image in [0, 1].

    Attributes:
        condition: One of ``CONDITIONS``.
        dark: Whether lamps are lit: at night, and under the headlights of some glare scenes.
        ambient: Light of the sky on every surface.
        sun: Light of the sun where it is not shaded.
        shade: How far the shadow of one metre of height reaches: to the right and ahead, in metres.
        tint: Colour of the daylight (blue, green, red).
        lamp_tint: Colour of the street lamps.
        headlight: Light of the own vehicle at one metre.
        fog: Visible attenuation per metre; infrared is attenuated by a quarter of it.
        glare: Strength of the blinding source, 0 without one.
        sun_spot: The low sun's place right of the centre and from the top, in image heights.
        ground, wall, plants, sky: Temperatures.
        body: Warmth of people above the ground.
        noise: Standard deviation of the visible noise in grey levels.
    """

    condition: str
    dark: bool
    ambient: float
    sun: float
    shade: tuple[float, float]
    tint: tuple[float, float, float]
    lamp_tint: tuple[float, float, float]
    headlight: float
    fog: float
    glare: float
    sun_spot: tuple[float, float]
    ground: float
    wall: float
    plants: float
    sky: float
    body: float
    noise: float


def _light(rng: np.random.Generator, condition: str, dark: bool, table: Difficulty) -> dict:
    """Draw the light of a scene."""
    if dark:
        ambient = rng.uniform(*table.moonlight) + (0.02 if condition == 'glare' else 0.0)
        return dict(ambient=ambient, sun=0.0, tint=_BLUE, headlight=rng.uniform(*table.headlight), noise=table.noise[1])
    if condition == 'fog':
        return dict(ambient=rng.uniform(0.45, 0.7), sun=0.0, tint=_WHITE, headlight=0.0, noise=table.noise[0])
    if condition == 'glare':
        return dict(ambient=rng.uniform(0.2, 0.35), sun=0.3, tint=(0.8, 0.92, 1.0), headlight=0.0, noise=table.noise[0])
    sun = rng.uniform(0.25, 0.6) if rng.random() < 0.7 else 0.0
    return dict(ambient=rng.uniform(0.3, 0.45), sun=sun, tint=(0.95, 0.98, 1.0), headlight=0.0, noise=table.noise[0])


def _heat(rng: np.random.Generator, condition: str, dark: bool, table: Difficulty) -> dict:
    """Draw the temperatures of a scene; on a hot day the street is as warm as its people."""
    if not dark and condition != 'fog' and rng.random() < table.crossover:
        ground, body = rng.uniform(0.55, 0.65), rng.uniform(0.0, 0.08)
    else:
        ground = rng.uniform(0.18, 0.28) if dark else rng.uniform(0.24, 0.36)
        body = rng.uniform(0.32, 0.55)
    return dict(
        ground=ground,
        body=body,
        wall=ground + rng.uniform(-0.04, 0.10),
        plants=ground - rng.uniform(0.02, 0.08),
        sky=rng.uniform(0.02, 0.10) if condition != 'fog' else ground - 0.04,
    )


def draw_weather(rng: np.random.Generator, condition: str, table: Difficulty) -> Weather:
    """Draw the weather of a scene.

    Args:
        rng: Source of chance.
        condition: One of ``CONDITIONS``.
        table: Row of the difficulty table.
    """
    dark = condition == 'night' or (condition == 'glare' and rng.random() < 0.5)
    return Weather(
        condition=condition,
        dark=dark,
        shade=(float(rng.uniform(-1.2, 1.2)), float(rng.uniform(-0.6, 0.3))),
        lamp_tint=_ORANGE if rng.random() < 0.6 else _WHITE,
        fog=float(rng.uniform(*table.fog)) if condition == 'fog' else 0.0,
        glare=float(rng.uniform(*table.blinding)) if condition == 'glare' else 0.0,
        sun_spot=(float(rng.uniform(-0.45, 0.45)), float(rng.uniform(0.1, 0.4))),
        **_light(rng, condition, dark, table),
        **_heat(rng, condition, dark, table),
    )
