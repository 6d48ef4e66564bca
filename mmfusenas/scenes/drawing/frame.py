"""The buffers that a scene is painted into before a sensor looks at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Values of the semantic map: 0 is clutter, 1 to 5 are the classes in their order.
ROAD, WALK, BUILDING, PLANTS, SKY = 6, 7, 8, 9, 10
SEMANTICS = ('clutter', 'color_cone', 'car_stop', 'car', 'person', 'bike', 'road', 'walk', 'building', 'plants', 'sky')


@dataclass
class Frame:
    """Arrays of H x W pixels that describe the surface seen at each pixel.

    Attributes:
        paint: Colour (blue, green, red) and temperature, 4 x H x W float32 in 0-255 (planes: numpy is slow on triples).
        glow: Light that the surface sends out by itself, in its colour, float32.
        mirror: Share of the own headlights that it throws straight back, float32.
        depth: Distance in metres, float32.
        sun: Share of the sun that reaches it, float32 in [0, 1].
        semantic: Index into ``SEMANTICS``, uint8.
        instance: 1 + index of the object, 0 for the rest, uint8.
    """

    paint: np.ndarray
    glow: np.ndarray
    mirror: np.ndarray
    depth: np.ndarray
    sun: np.ndarray
    semantic: np.ndarray
    instance: np.ndarray

    @classmethod
    def blank(cls, size: tuple[int, int]) -> Frame:
        """Return a frame of sky at the far end of the world."""
        planes = [np.zeros(size, np.float32) for _ in range(2)]
        return cls(
            np.zeros((4, *size), np.float32),
            *planes,
            np.full(size, 400, np.float32),
            np.ones(size, np.float32),
            np.full(size, SKY, np.uint8),
            np.zeros(size, np.uint8),
        )

    def fill(self, window: tuple[slice, slice], mask: np.ndarray | bool, **values: np.ndarray | float) -> None:
        """Set the named planes to ``values`` where ``mask`` holds within ``window`` (rows, columns)."""
        for name, value in values.items():
            np.copyto(getattr(self, name)[(..., *window)], value, where=mask, casting='unsafe')


def planes(*values: float) -> np.ndarray:
    """Return one number a plane, N x 1 x 1 float32."""
    return np.array(values, np.float32).reshape(-1, 1, 1)


def centres(length: int) -> np.ndarray:
    """Return the centres of ``length`` pixels, float32."""
    return np.arange(length, dtype=np.float32) + np.float32(0.5)
