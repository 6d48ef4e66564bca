"""The looks of a car: a side profile drawn out to its width, each face filled if it looks at the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .canvas import Canvas, Colour
from .instances import Instance
from .palette import BLACK, DULL, GLASS, pick, shaded
from .weather import Weather

_CARS = ((200, 200, 200), (70, 70, 75), (40, 40, 45), (60, 50, 140), (140, 90, 50), (180, 190, 195), (90, 120, 90))
# Profile from the front bumper over hood, windscreen, roof and rear window to the rear bumper,
# in shares of length and height.
_PROFILES = (
    (
        (0.5, 0.18),
        (0.5, 0.45),
        (0.46, 0.52),
        (0.22, 0.62),
        (0.06, 0.97),
        (-0.28, 1.0),
        (-0.42, 0.66),
        (-0.5, 0.62),
        (-0.5, 0.18),
    ),
    (
        (0.5, 0.18),
        (0.5, 0.45),
        (0.44, 0.55),
        (0.26, 0.62),
        (0.08, 0.97),
        (-0.42, 1.0),
        (-0.48, 0.62),
        (-0.5, 0.55),
        (-0.5, 0.18),
    ),
    (
        (0.5, 0.16),
        (0.5, 0.42),
        (0.47, 0.52),
        (0.38, 0.6),
        (0.26, 0.96),
        (-0.46, 1.0),
        (-0.5, 0.6),
        (-0.5, 0.5),
        (-0.5, 0.16),
    ),
)
_LENGTH, _WIDTH = 4.0, 1.72
# Faces between neighbouring profile points: shade, and whether it is glass.
_FACES = (
    (0.75, False),
    (0.85, False),
    (1.05, False),
    (0.6, True),
    (1.2, False),
    (0.6, True),
    (1.0, False),
    (0.75, False),
)


class CarBody:
    """A car in its own axes: along (front positive), up, across; turned by yaw in front of the camera."""

    def __init__(self, canvas: Canvas, instance: Instance, profile: int) -> None:
        self.canvas, self.instance = canvas, instance
        self.profile = [(along * _LENGTH, up * instance.height) for along, up in _PROFILES[profile]]
        # Facing the camera (yaw 0) the front looks towards smaller z.
        self.ahead = math.sin(instance.yaw), -math.cos(instance.yaw)
        self.aside = math.cos(instance.yaw), math.sin(instance.yaw)

    def place(self, points: Sequence[Sequence[float]]) -> list[tuple[float, float, float]]:
        """Return metres from the foot (right, up, ahead of the camera) of points (along, up, across)."""
        (right, ahead), (right_aside, ahead_aside) = self.ahead, self.aside
        return [
            (along * right + across * right_aside, up, along * ahead + across * ahead_aside)
            for along, up, across in points
        ]

    def strip(self, k: int, inset: float = 0.0) -> list[tuple[float, float, float]]:
        """Return the face between profile points k and k + 1, drawn in by a share for its glass."""
        (a, b), (c, d) = self.profile[k], self.profile[k + 1]
        a, c, b, d = a + (c - a) * inset, c - (c - a) * inset, b + (d - b) * inset, d - (d - b) * inset
        half = _WIDTH * (0.5 - 0.6 * inset)
        return self.place([(a, b, -half), (c, d, -half), (c, d, half), (a, b, half)])

    def flank(self, sign: int) -> list[tuple[float, float, float]]:
        """Return the side with across = sign * half width."""
        side = self.place([(along, up, sign * _WIDTH / 2) for along, up in self.profile])
        return side[::-1] if sign < 0 else side


def draw_car(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a car from any side. A driven one has a warm hood, wheels and exhaust, and lights in the dark."""
    body = CarBody(canvas, instance, int(rng.integers(len(_PROFILES))))
    colour = pick(rng, DULL if instance.dull else _CARS)
    skin = weather.ground + (0.10 if instance.active else instance.heat)
    warm = weather.ground + instance.heat
    _wheels(body, weather.ground + (0.7 * instance.heat if instance.active else 0.5 * instance.heat), far=True)
    faces = range(len(_FACES)) if body.ahead[1] > 0 else range(len(_FACES) - 1, -1, -1)
    for k in faces:  # the farther end first
        points = body.strip(k)
        if canvas.faces_camera(points):
            shade, glass = _FACES[k]
            canvas.poly(points, shaded(colour, shade if not glass else 1.0), warm if k in (0, 1, 2) else skin)
            if glass:
                canvas.poly(body.strip(k, 0.12), GLASS, weather.ground - 0.05)
    for sign in (-1, 1):
        if canvas.faces_camera(body.flank(sign)):
            _flank(body, sign, colour, (skin, weather.ground - 0.05))
            _wheels(body, weather.ground + (0.7 if instance.active else 0.5) * instance.heat, far=False, sign=sign)
    _ends(body, weather, warm)


def _flank(body: CarBody, sign: int, colour: Colour, heats: tuple[float, float]) -> None:
    """Draw one side with its sill and windows."""
    across, canvas = sign * _WIDTH / 2, body.canvas
    canvas.poly(body.flank(sign), shaded(colour, 0.9), heats[0])
    (front, low), (back, _) = body.profile[0], body.profile[-1]
    sill = 0.36 * body.instance.height
    canvas.poly(
        body.place([(front, low, across), (front, sill, across), (back, sill, across), (back, low, across)]),
        shaded(colour, 0.7),
        heats[0],
    )
    middle = sum(along for along, _ in body.profile[3:7]) / 4, sum(up for _, up in body.profile[3:7]) / 4
    window = [
        (along + (middle[0] - along) * 0.14, up + (middle[1] - up) * 0.18, across) for along, up in body.profile[3:7]
    ]
    canvas.poly(body.place(window), GLASS, heats[1])
    canvas.line(
        body.place([(middle[0], window[1][1], across), (middle[0], window[0][1], across)]),
        0.09,
        shaded(colour, 0.8),
        heats[0],
    )


def _wheels(body: CarBody, heat: float, far: bool, sign: int = 0) -> None:
    """Draw wheels: all four as dark blocks that show below the body, or the two of one side with hubs."""
    turned = max(abs(body.ahead[0]), 0.22)
    for along in (0.31 * _LENGTH, -0.31 * _LENGTH):
        for across in (-0.42, 0.42) if far else (sign * 0.5,):
            centre = body.place([(along, 0.32, across * _WIDTH)])[0]
            body.canvas.ellipse(centre, (0.32 * turned, 0.32), BLACK, heat)
            if not far:
                body.canvas.ellipse(centre, (0.18 * turned, 0.18), (125, 125, 125), heat)


def _ends(body: CarBody, weather: Weather, warm: float) -> None:
    """Draw plate, lamps and bumper shade on the end that faces the camera, and the exhaust."""
    front = body.ahead[1] < 0
    along, tall = (0.5 if front else -0.5) * _LENGTH, body.instance.height
    if abs(body.ahead[1]) < 0.3:
        return
    dark = [
        (along, 0.19 * tall, -0.44 * _WIDTH),
        (along, 0.19 * tall, 0.44 * _WIDTH),
        (along, 0.27 * tall, 0.44 * _WIDTH),
        (along, 0.27 * tall, -0.44 * _WIDTH),
    ]
    heat = warm if body.instance.active and front else weather.ground + 0.02
    body.canvas.poly(body.place(dark), BLACK, heat)
    plate = [
        (along, 0.30 * tall, -0.25),
        (along, 0.30 * tall, 0.25),
        (along, 0.38 * tall, 0.25),
        (along, 0.38 * tall, -0.25),
    ]
    body.canvas.poly(body.place(plate), (210, 215, 215), heat)
    for across in (-0.38 * _WIDTH, 0.38 * _WIDTH):
        place = body.place([(along, 0.44 * tall, across)])[0]
        body.canvas.ellipse(
            place,
            (0.17, 0.09),
            (225, 235, 240) if front else (40, 40, 200),
            heat + (0.1 if body.instance.active else 0),
        )
        lit = weather.dark and body.instance.active
        body.canvas.light(place, (0.17, 0.09), glow=(1.0 if front else 0.4) if lit else 0.0, mirror=0.25)
    if body.instance.active and not front:
        body.canvas.ellipse(body.place([(along, 0.2 * tall, 0.5)])[0], (0.12, 0.08), BLACK, min(warm + 0.25, 1.0))
