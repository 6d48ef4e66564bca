"""Shadows of instances on the ground."""

from __future__ import annotations

import cv2
import numpy as np

from .categories import CATEGORIES
from .frame import BUILDING, Frame
from .instances import Instance
from .street import Street
from .weather import Weather


def paint_shadows(frame: Frame, street: Street, weather: Weather, instances: list[Instance]) -> None:
    """Darken the ground below each instance, and keep the sun from where its shadow falls."""
    cast, below = np.zeros(frame.depth.shape, np.uint8), np.zeros(frame.depth.shape, np.uint8)
    ground = frame.semantic
    for instance in instances:
        half = min(CATEGORIES[instance.category].width, 2.4) * instance.height / 2
        deep = 1.8 if instance.category == 'car' else 0.2
        x, z = instance.x, instance.z
        corners = [(x - half, z - deep), (x + half, z - deep), (x + half, z + deep), (x - half, z + deep)]
        _fill(below, street, corners)
        if weather.sun > 0:
            tip = [(x + weather.shade[0] * instance.height, z + weather.shade[1] * instance.height) for x, z in corners]
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
