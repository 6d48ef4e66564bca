"""A small sheet in front of the frame on which one upright instance is drawn, finer than the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

from .camera import Camera
from .frame import Frame
from .textures import TILE, noise_tile

_SHIFT = 4  # OpenCV draws at fixed-point positions of 1/16 pixel
Colour = tuple[float, float, float]
Points = np.ndarray | Sequence[tuple[float, ...]]


class Canvas:
    """A sheet for one instance that stands at (x, z); points are metres from its foot: right, up, ahead.

    It covers only the part of the image that the instance can touch. What is painted has a colour and a temperature.

    Args:
        camera: The camera.
        x, z: Foot of the instance.
        reach: Half its width, its height and half its depth in metres, with some room.
    """

    def __init__(self, camera: Camera, x: float, z: float, reach: tuple[float, float, float]) -> None:
        self.camera, self.x, self.z = camera, x, z
        (column, row), (height, width) = camera.vanishing, camera.size
        near, far = camera.focal / max(z - reach[2], 1.0), camera.focal / (z + reach[2])
        left, right = min((x - reach[0]) * near, (x - reach[0]) * far), max((x + reach[0]) * near, (x + reach[0]) * far)
        top = min((camera.eye - reach[1]) * near, (camera.eye - reach[1]) * far)
        self.left, self.right = (int(max(0, min(column + edge, width))) for edge in (left - 1, right + 2))
        self.top, self.bottom = (int(max(0, min(row + edge, height))) for edge in (top - 1, camera.eye * near + 2))
        self.fine = 4 if camera.focal / z * reach[1] < 28 else 2
        shape = (max(self.bottom - self.top, 0) * self.fine, max(self.right - self.left, 0) * self.fine)
        self.sheet = np.zeros((*shape, 4), np.uint8)
        self.lights: np.ndarray | None = None
        self.origin = tuple((place * self.fine - 0.5) * (1 << _SHIFT) for place in (column - self.left, row - self.top))

    @property
    def empty(self) -> bool:
        """Whether no pixel of the image is covered."""
        return self.sheet.size == 0

    def _pixels(self, points: Points) -> list[tuple[int, int]]:
        """Return fixed-point positions on the sheet; in plain Python, which is faster for a few points."""
        eye, unit = self.camera.eye, self.camera.focal * self.fine * (1 << _SHIFT)
        pixels = []
        for right, up, *ahead in points.tolist() if isinstance(points, np.ndarray) else points:
            scale = unit / max(self.z + ahead[0], 0.5) if ahead else unit / self.z
            x, y = self.origin[0] + (self.x + right) * scale, self.origin[1] + (eye - up) * scale
            pixels.append((round(x), round(y)))
        return pixels

    def faces_camera(self, points: Points) -> bool:
        """Return whether a polygon's corners run clockwise in the image: it is seen from its outer side."""
        corners = self._pixels(points)
        return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, corners[1:] + corners[:1])) > 0

    def _thick(self, metres: float) -> int:
        """Return a line's width on the sheet."""
        return max(1, int(round(metres * self.camera.focal / self.z * self.fine)))

    def poly(self, points: Points, colour: Colour, heat: float) -> None:
        """Fill a polygon (N x 2 or N x 3 metres)."""
        cv2.fillPoly(self.sheet, [np.array(self._pixels(points), np.int32)], _paint(colour, heat), cv2.LINE_8, _SHIFT)

    def line(self, points: Points, width: float, colour: Colour, heat: float) -> None:
        """Draw a line through points, ``width`` metres wide."""
        cv2.polylines(
            self.sheet,
            [np.array(self._pixels(points), np.int32)],
            False,
            _paint(colour, heat),
            self._thick(width),
            cv2.LINE_8,
            _SHIFT,
        )

    def ellipse(
        self,
        centre: tuple[float, ...],
        radii: tuple[float, float],
        colour: Colour,
        heat: float,
        width: float | None = None,
    ) -> None:
        """Draw a filled upright ellipse, or its rim where ``width`` (metres) is given."""
        place, size = self._disc(centre, radii)
        thickness = -1 if width is None else self._thick(width)
        cv2.ellipse(self.sheet, place, size, 0, 0, 360, _paint(colour, heat), thickness, cv2.LINE_8, _SHIFT)

    def _disc(self, centre: tuple[float, ...], radii: tuple[float, float]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return centre and half axes in fixed point."""
        scale = (
            self.camera.focal / max(self.z + (centre[2] if len(centre) == 3 else 0.0), 0.5) * self.fine * (1 << _SHIFT)
        )
        return self._pixels([centre])[0], (max(8, round(radii[0] * scale)), max(8, round(radii[1] * scale)))

    def light(
        self, centre: tuple[float, ...], radii: tuple[float, float], glow: float = 0.0, mirror: float = 0.0
    ) -> None:
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
        drawn = cv2.compare(cv2.extractChannel(self.sheet, 3), 0, cv2.CMP_GT)
        left, top, width, height = (value // self.fine for value in cv2.boundingRect(drawn))
        inside = (
            slice(top * self.fine, (top + height + 1) * self.fine),
            slice(left * self.fine, (left + width + 1) * self.fine),
        )
        shrink = partial(_shrink, factor=self.fine, inside=inside)
        share = shrink(drawn) * np.float32(1 / 255)
        window = _window(self.top + top, self.left + left, share.shape)
        sheet = np.ascontiguousarray(shrink(self.sheet).transpose(2, 0, 1))
        sheet[:3] *= self._texture(share.shape, roughness)
        rest = 1 - share
        paint = frame.paint[(..., *window)]
        paint *= rest
        paint += sheet
        for plane in (frame.glow, frame.mirror):
            plane[window] *= rest
        if self.lights is not None:
            lights = shrink(cv2.bitwise_and(self.lights, self.lights, mask=drawn)).transpose(2, 0, 1)
            for plane, light in zip((frame.glow, frame.mirror), lights):
                plane[window] += light * np.float32(1 / 255)
        covered = share >= 0.4
        for plane, value in ((frame.depth, self.z), (frame.semantic, semantic), (frame.instance, instance)):
            np.copyto(plane[window], value, where=covered, casting='unsafe')
        return int(np.count_nonzero(covered))

    def _texture(self, shape: tuple[int, int], roughness: float) -> np.ndarray:
        """Return the factor of its surface: noise fixed to the instance, and darker towards the ground."""
        rows, columns = (max(2, min(int(pixels * self.z / self.camera.focal * 36), TILE // 2)) for pixels in shape)
        first, second = int(self.x * 97) % (TILE // 2), int(self.z * 89) % (TILE // 2)
        part = noise_tile(16)[first : first + rows, second : second + columns]
        noise = cv2.resize(part, shape[::-1], interpolation=cv2.INTER_LINEAR_EXACT) * np.float32(roughness / 64)
        shade = np.float32(1.08 - 2 * roughness) - np.arange(shape[0], dtype=np.float32) * np.float32(0.22 / shape[0])
        return noise + shade[:, None]


def _shrink(sheet: np.ndarray, factor: int, inside: tuple[slice, slice]) -> np.ndarray:
    """Return the mean over blocks of ``factor`` x ``factor`` pixels of a part of the sheet, float32."""
    part = sheet[inside]
    size = part.shape[1] // factor, part.shape[0] // factor
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _window(top: int, left: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the part of the frame that an image of ``shape`` covers."""
    return slice(top, top + shape[0]), slice(left, left + shape[1])


def _paint(colour: Colour, heat: float) -> tuple[float, float, float, float]:
    """Return colour and temperature as OpenCV takes them; a temperature of zero would mean that nothing is drawn."""
    return (*colour, float(max(1, min(round(255 * heat), 255))))
