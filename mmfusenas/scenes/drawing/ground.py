"""The ground: road, pavements, lane markings, and the houses' shade."""

from __future__ import annotations

import numpy as np

from .frame import PLANTS, ROAD, WALK, Frame, centres
from .street import FAR, Street
from .textures import sample_noise
from .weather import Weather

_GRASS, _SLABS = (62, 112, 88), (138, 142, 146)


def paint_ground(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint road, pavements and strips with their markings, and the houses' shade on them."""
    camera = street.camera
    height, width = frame.depth.shape
    column, row = camera.vanishing
    first = int(np.ceil(row + camera.focal * camera.eye / FAR))
    z = np.float32(camera.focal * camera.eye) / (centres(height)[first:, None] - np.float32(row))
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - column)) * (z / np.float32(camera.focal))
    left = x < 0
    out = np.abs(x)
    kerb, walk = (
        np.where(left, np.float32(getattr(street.left, name)), np.float32(getattr(street.right, name)))
        for name in ('kerb', 'walk')
    )
    zone = (out > kerb).astype(np.intp) + (out > walk)
    paint = _ground_paints(street, weather).T.take(zone + 3 * left, axis=1)
    u, v = x + np.float32(street.texture[0]), z + np.float32(street.texture[1])
    wear = np.float32(0.35) * sample_noise(8, u * 10, v * 5) + sample_noise(64, u * 48, v * 24) * np.clip(
        9 / z, 0.15, 1
    )
    marks = _markings(street, x, z, out - kerb) * (np.float32(0.8) + np.float32(0.25) * wear)
    paint[:3] *= 1 + np.float32(0.17) * wear
    paint[:3] += (225 - paint[:3]) * marks
    paint[3] += 9 * wear + 5 * marks
    frame.fill(
        (slice(first, None), slice(None)),
        True,
        paint=paint,
        depth=z,
        glow=0,
        sun=_sunlit(street, weather, x, z),
        semantic=np.array([ROAD, WALK, PLANTS], np.uint8)[zone],
    )


def _ground_paints(street: Street, weather: Weather) -> np.ndarray:
    """Return the 6 x 4 paints of road, pavement and strip, right side first."""
    road = (street.asphalt + 4, street.asphalt, street.asphalt - 3, 255 * weather.ground)
    rows = []
    for side in (street.right, street.left):
        slabs = road if side.kind == 'parking' else (*_SLABS, 255 * (weather.ground + 0.03))
        rows += [road, slabs, (*_GRASS, 255 * weather.plants) if side.kind == 'park' else slabs]
    return np.array(rows, np.float32)


def _markings(street: Street, x: np.ndarray, z: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Return the share of each pixel covered by white: lines, crossing, bays and kerb stones."""
    scale = np.float32(street.camera.focal) / z  # pixels per metre across
    along = scale * np.float32(street.camera.eye) / z  # and ahead

    def stripe(distance: np.ndarray, half: float, per_metre: np.ndarray) -> np.ndarray:
        return np.clip((half - np.abs(distance)) * per_metre + np.float32(0.5), 0, 1) * np.clip(
            2 * half * per_metre, 0, 1
        )

    cover = 0.45 * stripe(beyond, 0.09, scale)
    for position, dash in street.lines:
        gap = 1 if dash == 0 else (np.mod(z, 2.4 * dash) < dash)
        cover = np.maximum(cover, stripe(x - np.float32(position), 0.075, scale) * gap)
    if street.crossing is not None:
        across = stripe(np.mod(x, np.float32(1.0)) - np.float32(0.5), 0.25, scale)
        cover = np.maximum(cover, across * stripe(z - np.float32(street.crossing + 1.5), 1.5, along) * (beyond < -0.3))
    for side, sign in ((street.left, -1), (street.right, 1)):
        if side.kind == 'parking':
            bay = stripe(np.mod(z, np.float32(2.6)) - np.float32(1.3), 0.06, along)
            cover = np.maximum(cover, bay * ((x * sign > side.kerb) & (x * sign < side.walk)))
    return cover


def _sunlit(street: Street, weather: Weather, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return 1 where no house shades the ground from the sun, H x W float32."""
    side, sign = (street.left, -1) if weather.shade[0] > 0 else (street.right, 1)
    if side.kind == 'park':
        return np.ones_like(x)
    tops = side.tops[np.searchsorted(side.ends, z - 8 * np.float32(weather.shade[1]))]
    edge = side.wall - abs(weather.shade[0]) * 0.6 * tops
    return np.clip((edge - sign * x) * 4 + 0.5, 0, 1).astype(np.float32)
