"""The street that a scene plays in: road, lanes, pavements, and what stands behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import Camera

FAR = 90.0  # metres; beyond it there are only hills and sky


@dataclass(frozen=True)
class Side:
    """One side of the street, measured outwards from the camera's line in metres.

    Attributes:
        kind: 'houses', 'park' (grass and trees) or 'parking' (bays along the road).
        kerb, walk, wall: Where the road, the pavement (or the bays) and the open strip end.
        ends: Distances at which one house ends and the next begins, increasing.
        tops: Heights of the houses; zero leaves a gap.
        paints: Colours of the houses, N x 3 (blue, green, red) in 0-255.
        pitch: Width and height of a window's cell in metres.
        lit: 16 x 16 table, which windows are lit in the dark.
    """

    kind: str
    kerb: float
    walk: float
    wall: float
    ends: np.ndarray
    tops: np.ndarray
    paints: np.ndarray
    pitch: tuple[float, float]
    lit: np.ndarray


@dataclass(frozen=True)
class Street:
    """A straight street.

    Attributes:
        camera: The camera for the size being drawn.
        left, right: Its two sides.
        asphalt: Brightness of the road in 0-255.
        lines: Lane lines as (X, length of a dash or 0 for a full line).
        crossing: Distance of a zebra crossing, or None.
        hills: 64 heights of the skyline in image heights.
        lamps: Positions of the street lamps, N x 2 (X, Z).
        texture: Offset into the noise tiles.
    """

    camera: Camera
    left: Side
    right: Side
    asphalt: float
    lines: tuple[tuple[float, float], ...]
    crossing: float | None
    hills: np.ndarray
    lamps: np.ndarray
    texture: tuple[float, float]

    def zone(self, x: float) -> str:
        """Return what lies at ``x``: 'road', 'walk', 'strip' (grass or forecourt) or 'out'."""
        side = self.left if x < 0 else self.right
        for name, edge in (('road', side.kerb), ('walk', side.walk), ('strip', side.wall)):
            if abs(x) < edge:
                return name
        return 'out'


def _draw_side(rng: np.random.Generator, kerb: float) -> Side:
    """Draw one side of the street."""
    kind = str(rng.choice(['houses', 'park', 'parking'], p=[0.45, 0.35, 0.2]))
    walk = kerb + (5.0 if kind == 'parking' else rng.uniform(1.8, 3.5))
    wall = walk + {'houses': rng.uniform(0.2, 1.5), 'park': rng.uniform(6, 14), 'parking': rng.uniform(2, 5)}[kind]
    ends = np.cumsum(rng.uniform(8, 22, 12))
    tops = rng.uniform(5, 16, 13) if kind != 'park' else rng.uniform(1.0, 3.0, 13)
    tops = tops * (rng.random(13) > 0.12)
    greys = rng.uniform(70, 200, (13, 1))
    paints = np.clip(greys + rng.uniform(-35, 35, (13, 3)) * np.array([1.0, 0.5, 1.0]), 30, 235)
    return Side(
        kind,
        kerb,
        walk,
        wall,
        ends,
        tops,
        paints,
        (rng.uniform(1.6, 3.2), rng.uniform(2.7, 3.4)),
        rng.random((16, 16)) < rng.uniform(0.05, 0.35),
    )


def _draw_lines(rng: np.random.Generator, left: float, right: float) -> tuple[tuple[float, float], ...]:
    """Draw the lane lines: one at each kerb, and a centre line that may be dashed."""
    middle = (right - left) / 2 + rng.uniform(-0.3, 0.3)
    centre = (middle, float(rng.choice([0.0, 2.5, 4.0])))
    edges = ((-left + 0.35, 0.0), (right - 0.35, 0.0))
    return tuple(line for line in (centre, *edges) if rng.random() < 0.8)


def draw_street(rng: np.random.Generator, size: tuple[int, int]) -> Street:
    """Draw a street and the camera in it.

    Args:
        rng: Source of chance; the street does not depend on ``size``.
        size: Rows and columns of the image.
    """
    camera = Camera(rng.uniform(1.4, 1.9), rng.uniform(0.34, 0.44), rng.uniform(-0.22, 0.22), size)
    left, right = rng.uniform(3.2, 6.5), rng.uniform(2.4, 5.0)
    sides = _draw_side(rng, left), _draw_side(rng, right)
    distances = rng.uniform(7, 12) + np.arange(4) * rng.uniform(9, 16)
    across = np.where(np.arange(4) % 2 == rng.integers(2), -left - 0.6, right + 0.6)
    return Street(
        camera,
        *sides,
        asphalt=rng.uniform(75, 125),
        lines=_draw_lines(rng, left, right),
        crossing=float(rng.uniform(7, 16)) if rng.random() < 0.3 else None,
        hills=rng.uniform(0.01, 0.14, 64),
        lamps=np.stack([across, distances], axis=1),
        texture=tuple(float(value) for value in rng.uniform(0, 256, 2)),
    )
