"""A small sheet in front of the frame on which one upright thing is drawn, finer than the pixels."""
from __future__ import annotations

import cv2
import numpy as np

from .camera import Camera
from .frame import Frame
from .textures import sample_noise

_SHIFT = 4  # OpenCV draws at fixed-point positions of 1/16 pixel
Colour = tuple[float, float, float]


class Canvas:
    """A sheet for one thing that stands at (x, z); points are metres from its foot: right, up and (optionally) ahead.

    It covers only the part of the picture that the thing can touch. What is painted has a colour and a temperature.

    Args:
        camera: The camera.
        x, z: Foot of the thing.
        reach: Half its width and its height in metres, with some room.
    """

    def __init__(self, camera: Camera, x: float, z: float, reach: tuple[float, float]) -> None:
        self.camera, self.x, self.z = camera, x, z
        near = max(z - reach[0], 1.0) if reach[0] > 1.2 else z  # long things come nearer than their foot
        corners = np.array([(x - reach[0], 0.0, near), (x + reach[0], reach[1], near), (x, -0.0, z)])
        points = camera.project(corners)
        height, width = camera.size
        low, high = np.floor(points.min(axis=0)) - 1, np.ceil(points.max(axis=0)) + 2
        self.left, self.right = (int(np.clip(value, 0, width)) for value in (low[0], high[0]))
        self.top, self.bottom = (int(np.clip(value, 0, height)) for value in (low[1], high[1]))
        self.fine = 4 if camera.focal / z * reach[1] < 48 else 2
        shape = (max(self.bottom - self.top, 0) * self.fine, max(self.right - self.left, 0) * self.fine)
        self.sheet = np.zeros((*shape, 4), np.uint8)
        self.lights: np.ndarray | None = None

    @property
    def empty(self) -> bool:
        """Whether no pixel of the picture is covered."""
        return self.sheet.size == 0

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        """Return fixed-point positions on the sheet."""
        points = np.asarray(points, float)
        depth = points[:, 2] if points.shape[1] == 3 else np.zeros(len(points))
        world = np.stack([points[:, 0] + self.x, points[:, 1], np.maximum(depth + self.z, 0.5)], axis=1)
        place = (self.camera.project(world) - (self.left, self.top)) * self.fine - 0.5
        return np.clip(np.rint(place * (1 << _SHIFT)), -30000, 30000).astype(np.int32)

    def _thick(self, metres: float) -> int:
        """Return a line's width on the sheet."""
        return max(1, int(round(metres * self.camera.focal / self.z * self.fine)))

    def poly(self, points: np.ndarray, colour: Colour, heat: float) -> None:
        """Fill a polygon (N x 2 or N x 3 metres)."""
        cv2.fillPoly(self.sheet, [self._pixels(points)], _paint(colour, heat), cv2.LINE_8, _SHIFT)

    def line(self, points: np.ndarray, width: float, colour: Colour, heat: float) -> None:
        """Draw a line through points, ``width`` metres wide."""
        cv2.polylines(self.sheet, [self._pixels(points)], False, _paint(colour, heat), self._thick(width), cv2.LINE_8, _SHIFT)

    def ellipse(self, centre: tuple[float, ...], radii: tuple[float, float], colour: Colour, heat: float,
                width: float | None = None) -> None:
        """Draw a filled upright ellipse, or its rim where ``width`` (metres) is given."""
        place, size = self._disc(centre, radii)
        thickness = -1 if width is None else self._thick(width)
        cv2.ellipse(self.sheet, place, size, 0, 0, 360, _paint(colour, heat), thickness, cv2.LINE_8, _SHIFT)

    def _disc(self, centre: tuple[float, ...], radii: tuple[float, float]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return centre and half axes in fixed point."""
        scale = self.camera.focal / max(self.z + (centre[2] if len(centre) == 3 else 0), 0.5) * self.fine * (1 << _SHIFT)
        place = self._pixels(np.array([centre]))[0]
        return (int(place[0]), int(place[1])), tuple(max(8, int(round(radius * scale))) for radius in radii)

    def light(self, centre: tuple[float, ...], radii: tuple[float, float], glow: float = 0.0, mirror: float = 0.0) -> None:
        """Let a disc that is already painted send out light, or throw the own headlights back; both in [0, 1]."""
        if self.lights is None:
            self.lights = np.zeros((*self.sheet.shape[:2], 2), np.uint8)
        place, size = self._disc(centre, radii)
        cv2.ellipse(self.lights, place, size, 0, 0, 360, (255 * glow, 255 * mirror), -1, cv2.LINE_8, _SHIFT)

    def stamp(self, frame: Frame, semantic: int, instance: int = 0, roughness: float = 0.12) -> int:
        """Paint the sheet over the frame: what is drawn later is nearer.

        Args:
            frame: Changed in place.
            semantic: Index into ``SEMANTICS``.
            instance: 1 + index of the object, or 0.
            roughness: Strength of its surface texture.

        Returns:
            Number of pixels covered.
        """
        window = slice(self.top, self.bottom), slice(self.left, self.right)
        size = self.right - self.left, self.bottom - self.top
        sheet = cv2.resize(self.sheet, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        drawn = (self.sheet[..., 3] > 0).view(np.uint8) * np.uint8(255)
        share = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] * np.float32(1 / 255)
        sheet[..., :3] *= self._texture(size, roughness)[..., None]
        paint = frame.paint[window]
        paint += sheet - paint * share
        covered = share[..., 0] >= 0.4
        lights = np.zeros((*covered.shape, 2), np.float32) if self.lights is None else cv2.resize(
            self.lights, size, interpolation=cv2.INTER_AREA).astype(np.float32) * np.float32(1 / 255)
        for plane, value in ((frame.glow, lights[..., 0]), (frame.mirror, lights[..., 1])):
            plane[window] += value - plane[window] * share[..., 0]
        for plane, value in ((frame.depth, self.z), (frame.semantic, semantic), (frame.instance, instance)):
            plane[window][covered] = value
        return int(np.count_nonzero(covered))

    def _texture(self, size: tuple[int, int], roughness: float) -> np.ndarray:
        """Return the factor of its surface: noise fixed to the thing, and darker towards the ground."""
        step = np.float32(self.z / self.camera.focal)
        v = np.arange(size[1], dtype=np.float32)[:, None] * step
        u = np.arange(size[0], dtype=np.float32)[None] * step
        noise = sample_noise(16, u * 60 + np.float32(self.x * 97 % 256), v * 60 + np.float32(self.z * 89 % 256))
        shade = np.float32(1.08) - np.float32(0.22) * (v / max(float(v[-1, 0]), 1e-3))
        return shade * (1 + np.float32(roughness) * 2 * noise)


def _paint(colour: Colour, heat: float) -> tuple[float, float, float, float]:
    """Return colour and temperature as OpenCV takes them; a temperature of zero would mean that nothing is drawn."""
    return (*colour, float(np.clip(round(255 * heat), 1, 255)))
