"""Shadows of things on the ground."""

from __future__ import annotations

import cv2
import numpy as np

from .frame import BUILDING, Frame
from .kinds import KINDS
from .street import Street
from .things import Thing
from .weather import Weather


def paint_shadows(frame: Frame, street: Street, weather: Weather, things: list[Thing]) -> None:
    """Darken the ground below each thing, and keep the sun from where its shadow falls."""
    cast, below = np.zeros(frame.depth.shape, np.uint8), np.zeros(frame.depth.shape, np.uint8)
    ground = frame.semantic
    for thing in things:
        half, deep = min(KINDS[thing.kind].width, 2.4) * thing.height / 2, 1.8 if thing.kind == 'car' else 0.2
        corners = [(thing.x + u, thing.z + d) for u, d in ((-half, -deep), (half, -deep), (half, deep), (-half, deep))]
        _fill(below, street, corners)
        if weather.sun > 0:
            tip = [(x + weather.shade[0] * thing.height, z + weather.shade[1] * thing.height) for x, z in corners]
            _fill(cast, street, cv2.convexHull(np.array(corners + tip, np.float32))[:, 0].tolist())
    soft = (3, 3)
    flat = ground != BUILDING  # house fronts take no shadow
    below = cv2.GaussianBlur(below, soft, 0).astype(np.float32) * (flat * np.float32(0.4 / 255))
    frame.paint[:3] *= 1 - below
    frame.sun *= 1 - cv2.GaussianBlur(cast, soft, 0).astype(np.float32) * (flat * np.float32(0.9 / 255))


def _fill(mask: np.ndarray, street: Street, ground: list[tuple[float, float]]) -> None:
    """Fill a polygon on the ground, given as (X, Z) in metres."""
    camera = street.camera
    column, row = camera.vanishing
    points = []
    for x, z in ground:
        scale = camera.focal / max(z, 1.0)
        points.append((round(16 * (column + x * scale)), round(16 * (row + camera.eye * scale))))
    cv2.fillPoly(mask, [np.array(points, np.int32)], 255, cv2.LINE_8, 4)
