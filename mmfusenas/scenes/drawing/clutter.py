"""The looks of what is no object: instances that stand about, and a few that fool one of the two sensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .canvas import Canvas
from .instances import Instance
from .lights import LAMP_HEIGHT
from .palette import METAL, pick, shaded
from .person import draw_person
from .weather import Weather

_WOOD, _LEAF = (45, 60, 75), ((40, 95, 60), (50, 110, 90), (35, 75, 45), (60, 120, 150))
_PAINTED = ((60, 60, 170), (150, 90, 50), (70, 120, 70), (150, 150, 150), (50, 140, 190), (90, 80, 75))


def draw_tree(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a trunk with a crown of leaf clusters, lighter on top."""
    tall, leaf = instance.height, pick(rng, _LEAF)
    canvas.line(
        np.array([(0, 0), (0.03 * tall, 0.3 * tall), (0, 0.62 * tall)]), 0.06 * tall, _WOOD, weather.plants + 0.05
    )
    for angle, radius in zip(rng.uniform(0, 2 * np.pi, 16), np.sqrt(rng.random(16))):
        u, v = 0.22 * tall * radius * np.cos(angle), (0.7 + 0.2 * radius * np.sin(angle)) * tall
        size = float(rng.uniform(0.05, 0.10)) * tall
        canvas.ellipse(
            (u, v),
            (size, 0.8 * size),
            shaded(leaf, 0.55 + 0.7 * (v / tall - 0.45)),
            weather.plants + 0.04 * (1 - v / tall),
        )


def draw_bush(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a bush of leaf clusters."""
    tall, leaf = instance.height, pick(rng, _LEAF)
    for u in rng.uniform(-0.5, 0.5, 10):
        v, size = float(rng.uniform(0.2, 0.75)) * tall, float(rng.uniform(0.14, 0.24)) * tall
        canvas.ellipse((u * tall, max(v, size)), (size, size), shaded(leaf, 0.6 + 0.5 * v / tall), weather.plants)


def draw_pole(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a plain pole."""
    canvas.line(
        np.array([(0, 0), (0, instance.height)]),
        float(rng.uniform(0.08, 0.16)),
        pick(rng, (METAL, _WOOD)),
        weather.ground + instance.heat,
    )


def draw_lamp(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a street lamp; its housing is warm when lit."""
    reach = -0.9 if instance.x > 0 else 0.9
    canvas.line(np.array([(0, 0), (0, LAMP_HEIGHT - 0.2), (reach, LAMP_HEIGHT)]), 0.11, (85, 88, 88), weather.ground)
    heat = weather.ground + (0.35 if weather.dark else 0.0)
    canvas.ellipse((reach, LAMP_HEIGHT), (0.26, 0.10), (235, 240, 245), heat)
    canvas.light((reach, LAMP_HEIGHT), (0.26, 0.10), glow=1.0 if weather.dark else 0.0)


def draw_sign(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a traffic sign: a pole with a round or square plate."""
    tall, heat = instance.height, weather.ground + instance.heat
    canvas.line(np.array([(0, 0), (0, tall - 0.3)]), 0.07, METAL, heat)
    colour = pick(rng, ((40, 40, 200), (190, 110, 40), (210, 210, 210), (40, 170, 220)))
    if rng.random() < 0.6:
        canvas.ellipse((0, tall - 0.3), (0.3, 0.3), colour, heat)
        canvas.ellipse((0, tall - 0.3), (0.2, 0.2), (215, 215, 215), heat)
    else:
        canvas.poly(np.array([(-0.28, tall - 0.6), (0.28, tall - 0.6), (0.28, tall), (-0.28, tall)]), colour, heat)
    canvas.light((0, tall - 0.3), (0.28, 0.28), mirror=0.3)


def draw_bin(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a dustbin with a lid."""
    tall, heat, colour = instance.height, weather.ground + instance.heat, pick(rng, _PAINTED)
    canvas.poly(tall * np.array([(-0.26, 0), (0.26, 0), (0.32, 0.86), (-0.32, 0.86)]), colour, heat)
    canvas.poly(tall * np.array([(0.08, 0), (0.26, 0), (0.32, 0.86), (0.12, 0.86)]), shaded(colour, 0.75), heat)
    canvas.poly(tall * np.array([(-0.35, 0.86), (0.35, 0.86), (0.28, 1.0), (-0.28, 1.0)]), shaded(colour, 0.6), heat)


def draw_poster(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a board with a printed person on it, which infrared does not show."""
    tall, heat = instance.height, weather.ground + instance.heat
    canvas.poly(tall * np.array([(-0.3, 0), (0.3, 0), (0.3, 1.0), (-0.3, 1.0)]), (90, 85, 80), heat)
    canvas.poly(
        tall * np.array([(-0.27, 0.05), (0.27, 0.05), (0.27, 0.97), (-0.27, 0.97)]), pick(rng, _PAINTED, 40), heat
    )
    draw_person(canvas, replace(instance, height=0.93 * tall, active=False), replace(weather, dark=False), rng)


def draw_hydrant(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a hydrant or bollard in the colours of a cone."""
    tall, heat, colour = (
        instance.height,
        weather.ground + instance.heat,
        pick(rng, ((35, 50, 200), (40, 110, 220), (120, 120, 120))),
    )
    canvas.poly(tall * np.array([(-0.13, 0), (0.13, 0), (0.13, 0.85), (-0.13, 0.85)]), colour, heat)
    canvas.poly(tall * np.array([(0.04, 0), (0.13, 0), (0.13, 0.85), (0.04, 0.85)]), shaded(colour, 0.65), heat)
    canvas.ellipse((0, 0.86 * tall), (0.15 * tall, 0.13 * tall), shaded(colour, 0.9), heat)
    canvas.poly(tall * np.array([(-0.22, 0.5), (0.22, 0.5), (0.22, 0.64), (-0.22, 0.64)]), shaded(colour, 0.8), heat)


def draw_dog(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a dog from the side: warm like a person."""
    size, heat = instance.height, weather.ground + 0.85 * max(instance.heat, 0.03)
    fur, side = pick(rng, ((60, 80, 110), (45, 45, 50), (170, 185, 195))), float(rng.choice([-1.0, 1.0]))
    for u in (-0.45, -0.32, 0.28, 0.42):
        canvas.line(
            np.array([(side * u * size, 0.5 * size), (side * u * size, 0.03)]), 0.09 * size, shaded(fur, 0.7), heat
        )
    canvas.ellipse((0, 0.58 * size), (0.55 * size, 0.2 * size), fur, heat)
    canvas.ellipse((side * 0.58 * size, 0.82 * size), (0.2 * size, 0.15 * size), shaded(fur, 1.1), heat + 0.05)
    canvas.line(
        np.array([(-side * 0.5 * size, 0.62 * size), (-side * 0.75 * size, 0.9 * size)]), 0.07 * size, fur, heat
    )


def draw_manhole(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a manhole cover, warm from below."""
    ring = [(0.45 * np.cos(t), 0.0, 0.45 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 16, endpoint=False)]
    canvas.poly(np.array(ring), (75, 75, 78), weather.ground + instance.heat)


def draw_vent(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a cabinet with a warm grille."""
    tall, colour = instance.height, pick(rng, _PAINTED)
    canvas.poly(tall * np.array([(-0.4, 0), (0.4, 0), (0.4, 1.0), (-0.4, 1.0)]), colour, weather.ground + 0.03)
    for v in (0.35, 0.5, 0.65, 0.8):
        canvas.poly(
            tall * np.array([(-0.28, v), (0.28, v), (0.28, v + 0.09), (-0.28, v + 0.09)]),
            shaded(colour, 0.5),
            weather.ground + instance.heat,
        )


def draw_box(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a crate or planter."""
    tall, heat, colour = instance.height, weather.ground + instance.heat, pick(rng, (*_PAINTED, (90, 130, 160)))
    canvas.poly(
        np.array([(-0.5, 1, 0), (0.5, 1, 0), (0.5, 1, 0.8), (-0.5, 1, 0.8)]) * (tall, tall, tall),
        shaded(colour, 1.2),
        heat,
    )
    canvas.poly(tall * np.array([(-0.5, 0), (0.5, 0), (0.5, 1.0), (-0.5, 1.0)]), shaded(colour, 0.85), heat)
    canvas.line(tall * np.array([(-0.45, 0.5), (0.45, 0.5)]), 0.05, shaded(colour, 0.6), heat)


Drawer = Callable[[Canvas, Instance, Weather, np.random.Generator], None]
CLUTTER_DRAWERS: dict[str, Drawer] = {
    'tree': draw_tree,
    'bush': draw_bush,
    'pole': draw_pole,
    'sign': draw_sign,
    'bin': draw_bin,
    'poster': draw_poster,
    'hydrant': draw_hydrant,
    'dog': draw_dog,
    'manhole': draw_manhole,
    'vent': draw_vent,
    'box': draw_box,
    'lamp': draw_lamp,
}
