"""The looks of a person: on foot, or riding a bike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, Colour
from .instances import Instance
from .palette import BLACK, DULL, pick, shaded
from .weather import Weather

_SKIN = ((120, 150, 200), (95, 125, 180), (60, 85, 130))
_HAIR = ((30, 30, 35), (45, 60, 90), (120, 125, 130))
_DARK = ((35, 30, 30), (60, 50, 45), (55, 60, 50))
_BRIGHT = ((120, 70, 40), (45, 45, 150), (180, 180, 175), (70, 110, 60), (90, 140, 190), (150, 130, 60), (110, 60, 120))


@dataclass(frozen=True)
class _Figure:
    """A person of 1.75 m, scaled by ``size``: looks to one ``side`` (-1 or 1) and leans over by ``lean`` metres."""

    canvas: Canvas
    size: float
    side: float
    lean: float
    riding: bool

    def line(self, points: list[tuple[float, float]], width: float, colour: Colour, heat: float) -> None:
        self.canvas.line([(u * self.size, v * self.size) for u, v in points], width * self.size, colour, heat)

    def poly(self, points: list[tuple[float, float]], colour: Colour, heat: float) -> None:
        self.canvas.poly([(u * self.size, v * self.size) for u, v in points], colour, heat)

    def ellipse(self, u: float, v: float, radii: tuple[float, float], colour: Colour, heat: float) -> None:
        size = self.size
        self.canvas.ellipse((u * size, v * size), (radii[0] * size, radii[1] * size), colour, heat)


def draw_person(canvas: Canvas, instance: Instance, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a walking person, or a rider above a bike; skin is warmer than clothes."""
    dark = weather.dark and rng.random() < 0.5  # few wear bright colours at night
    clothes = DULL if instance.dull else _DARK if dark else _DARK + _BRIGHT
    jacket, trousers, skin = pick(rng, clothes), pick(rng, clothes[:5]), pick(rng, _SKIN, 8)
    side = float(rng.choice([-1.0, 1.0]))
    lean = side * (0.16 if instance.active else float(rng.uniform(-0.03, 0.03)))
    figure = _Figure(canvas, instance.height / 1.75, side, lean, instance.active)
    bare = weather.ground + instance.heat
    worn, legs = (weather.ground + instance.heat * float(rng.uniform(0.55, 0.85)) for _ in range(2))
    _draw_legs(figure, trousers, legs, rng)
    _draw_torso(figure, (jacket, skin), (worn, bare), rng)
    figure.ellipse(lean * 1.15, 1.655, (0.118, 0.13), pick(rng, _HAIR, 8), weather.ground + 0.75 * instance.heat)
    figure.ellipse(lean * 1.15 + side * 0.02, 1.61, (0.09, 0.11), skin, bare)


def _draw_legs(figure: _Figure, colour: Colour, heat: float, rng: np.random.Generator) -> None:
    """Draw two legs: apart as in a step, or bent on the pedals."""
    side = figure.side
    step, width = float(rng.uniform(0.02, 0.26)) * side, float(rng.uniform(0.13, 0.17))
    for leg, shade in ((-1, 0.72), (1, 0.95)):
        if figure.riding:
            points = [(0.05 * leg, 1.0), (side * 0.22, 0.74 + 0.08 * leg), (side * 0.05, 0.36 + 0.12 * leg)]
        else:
            points = [(0.07 * leg, 0.94), ((0.07 + step * 0.6) * leg, 0.5), ((0.07 + step) * leg, 0.07)]
        figure.line(points, width, shaded(colour, shade), heat)
        u, v = points[-1]
        figure.ellipse(u + side * 0.05, max(v - 0.02, 0.03), (0.11, 0.05), BLACK, 0.9 * heat)


def _draw_torso(
    figure: _Figure, colours: tuple[Colour, Colour], heats: tuple[float, float], rng: np.random.Generator
) -> None:
    """Draw jacket, arms, hand and neck; colours and temperatures of cloth and skin."""
    (jacket, skin), (worn, bare), side, lean = colours, heats, figure.side, figure.lean
    hips, hand_height = (1.0, 1.08) if figure.riding else (0.92, 0.9)
    swing = 0.10 if figure.riding else float(rng.uniform(-0.12, 0.18))
    back = [(lean - side * 0.2, 1.42), (lean - side * (0.26 + swing * 0.5), 1.14), (lean - side * 0.2, 0.9)]
    hand = (lean + side * (0.24 + 2.0 * swing), hand_height)
    front = [(lean * 0.8 + side * 0.2, 1.42), (lean + side * (0.25 + swing), 1.16), hand]
    figure.line(back, 0.09, shaded(jacket, 0.75), worn)
    right = [(lean + 0.19, 1.47), (lean + 0.23, 1.36), (0.17, hips)]
    left = [(-0.17, hips), (lean - 0.23, 1.36), (lean - 0.19, 1.47)]
    figure.poly(right + left, jacket, worn)
    figure.poly(right, shaded(jacket, 0.8), worn)
    figure.line(front, 0.1, shaded(jacket, 0.88), worn)
    figure.ellipse(*hand, (0.05, 0.05), skin, bare)
    figure.poly([(lean - 0.06, 1.45), (lean + 0.06, 1.45), (lean + 0.06, 1.56), (lean - 0.06, 1.56)], skin, bare)
