"""The looks of cones, car stops and bikes. Each drawer paints one instance on its canvas, in metres from its foot."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour
from .instances import Instance
from .palette import BLACK, DULL, pick, shaded
from .weather import Weather


def draw_cone(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a traffic cone: base plate, body in three shades, two bands that reflect headlights."""
    body = pick(rng, DULL if instance.dull else ((25, 75, 235), (30, 40, 215), (40, 120, 240), (60, 170, 60)))
    heat, tall = weather.ground + instance.heat, instance.height
    canvas.poly(tall * np.array([(-0.27, 0), (0.27, 0), (0.25, 0.07), (-0.25, 0.07)]), shaded(body, 0.55), heat)

    def ring(low: float, high: float, colour: Colour, warm: float) -> None:
        wide, slim = 0.19 - 0.155 * low, 0.19 - 0.155 * high
        for left, right, shade in ((-1.0, -0.3, 0.8), (-0.3, 0.4, 1.08), (0.4, 1.0, 0.65)):
            points = [(left * wide, low), (right * wide, low), (right * slim, high), (left * slim, high)]
            canvas.poly(tall * np.array(points), shaded(colour, shade), warm)

    ring(0.06, 1.0, body, heat)
    for low, high in ((0.35, 0.52), (0.66, 0.82)) if rng.random() < 0.8 else ((0.45, 0.7),):
        ring(low, high, (105, 110, 110) if instance.dull else (225, 228, 228), heat - 0.02)
        if not instance.dull:
            canvas.light((0.0, tall * (low + high) / 2), (0.09 * tall, tall * (high - low) / 2), mirror=0.5)


def draw_stop(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a car stop: a low block with a slanted top, plain concrete or striped, with two reflectors."""
    heat, tall = weather.ground + instance.heat, instance.height
    half, deep = float(rng.uniform(0.65, 0.85)), 0.32
    base = pick(rng, DULL) if instance.dull else pick(rng, ((185, 190, 195), (150, 155, 160), (40, 175, 225)))
    stripe = BLACK if base[2] > base[0] + 60 else (45, 55, 200)
    turn = 0.35 * np.sin(instance.yaw)

    def world(points: list[tuple[float, float, float]]) -> np.ndarray:
        return np.array(
            [(u * np.cos(turn) - d * np.sin(turn), v, u * np.sin(turn) + d * np.cos(turn)) for u, v, d in points]
        )

    canvas.poly(
        world([(-half, tall, deep * 0.3), (half, tall, deep * 0.3), (half, tall, deep), (-half, tall, deep)]),
        shaded(base, 1.25),
        heat + 0.02,
    )
    canvas.poly(
        world([(-half, 0, 0), (half, 0, 0), (half, tall, deep * 0.3), (-half, tall, deep * 0.3)]),
        shaded(base, 0.85),
        heat,
    )
    if not instance.dull and rng.random() < 0.75:
        for k in range(4):
            u = -half + (k + 0.35) * half / 2
            canvas.poly(
                world([(u, 0, 0), (u + 0.17, 0, 0), (u + 0.3, tall, deep * 0.3), (u + 0.13, tall, deep * 0.3)]),
                stripe,
                heat,
            )
    for u in (-0.85 * half, 0.85 * half):
        place = world([(u, tall * 0.6, 0)])[0]
        canvas.ellipse(tuple(place), (0.06, 0.06), (60, 150, 235), heat)
        canvas.light(tuple(place), (0.06, 0.06), mirror=0.8)


def draw_bike(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a bicycle or a scooter, turned against the view; tyres and engine of a ridden one are warm."""
    frame = pick(
        rng, DULL if instance.dull else ((40, 40, 190), (170, 90, 40), (50, 50, 55), (190, 190, 190), (60, 130, 60))
    )
    cold, size = weather.ground + instance.heat * (0.5 if instance.active else 1.0), instance.height / 1.08
    turn = np.cos(instance.yaw) if abs(np.cos(instance.yaw)) > 0.6 else 0.6 * (1 if np.cos(instance.yaw) >= 0 else -1)
    tyre = cold + (0.08 if instance.active else 0.0)

    def at(u: float, v: float) -> tuple[float, float]:
        return size * u * turn, size * v

    scooter = rng.random() < 0.4
    radius = 0.27 if scooter else 0.34
    for u in (-0.53, 0.53):
        canvas.ellipse(
            at(u, radius), (size * radius * abs(turn), size * radius), BLACK, tyre, 0.11 if scooter else 0.09
        )
        canvas.ellipse(at(u, radius), (0.08 * size, 0.08 * size), (110, 110, 110), tyre)
    if scooter:
        _scooter(canvas, at, frame, cold, weather.ground + (0.35 if instance.active else instance.heat))
    else:
        for path in (
            ((-0.53, 0.34), (-0.15, 0.36), (0.38, 0.8), (-0.25, 0.78), (-0.53, 0.34)),
            ((-0.15, 0.36), (-0.28, 0.92)),
            ((0.53, 0.34), (0.36, 0.98)),
        ):
            canvas.line(np.array([at(u, v) for u, v in path]), 0.1, frame, cold)
        canvas.line(np.array([at(0.2, 1.04), at(0.44, 1.0)]), 0.06, BLACK, cold)
        canvas.line(np.array([at(-0.4, 0.95), at(-0.16, 0.95)]), 0.09, BLACK, cold)
    canvas.ellipse(at(-0.62, 0.5), (0.05, 0.05), (40, 40, 200), cold)
    canvas.light(at(-0.62, 0.5), (0.05, 0.05), glow=0.5 if weather.dark and instance.active else 0.0, mirror=0.8)


def _scooter(canvas: Canvas, at, frame: Colour, cold: float, engine: float) -> None:
    """Draw the body of a scooter between its wheels."""
    canvas.poly(
        np.array(
            [
                at(u, v)
                for u, v in (
                    (-0.72, 0.5),
                    (-0.15, 0.3),
                    (0.2, 0.3),
                    (0.34, 0.9),
                    (0.44, 0.88),
                    (0.3, 0.2),
                    (-0.2, 0.16),
                    (-0.6, 0.34),
                )
            ]
        ),
        frame,
        cold,
    )
    canvas.poly(np.array([at(u, v) for u, v in ((-0.7, 0.62), (-0.1, 0.6), (-0.1, 0.72), (-0.7, 0.76))]), BLACK, cold)
    canvas.poly(
        np.array([at(u, v) for u, v in ((-0.62, 0.6), (-0.12, 0.56), (-0.08, 0.34), (-0.5, 0.4))]),
        shaded(frame, 0.8),
        cold,
    )
    canvas.ellipse(at(-0.28, 0.28), (0.14, 0.11), (90, 90, 95), engine)
    canvas.line(np.array([at(0.3, 0.95), at(0.48, 1.04)]), 0.07, BLACK, cold)
