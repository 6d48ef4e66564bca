"""The looks of the five classes. Each drawer paints one thing on its canvas, in metres from its foot."""
from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour
from .things import Thing
from .weather import Weather

_SKIN = ((120, 150, 200), (95, 125, 180), (60, 85, 130))
_CLOTHES = ((60, 50, 45), (120, 70, 40), (45, 45, 150), (180, 180, 175), (70, 110, 60), (90, 140, 190), (35, 30, 30),
            (150, 130, 60), (110, 60, 120))
_CARS = ((200, 200, 200), (70, 70, 75), (40, 40, 45), (60, 50, 140), (140, 90, 50), (180, 190, 195), (90, 120, 90))
_DULL = ((98, 98, 96), (84, 92, 90), (70, 84, 76), (112, 112, 110))
_BLACK, _GLASS = (28, 27, 26), (70, 62, 52)


def pick(rng: np.random.Generator, colours: tuple[Colour, ...], spread: float = 14.0) -> Colour:
    """Return one of the colours, varied a little."""
    colour, change = colours[int(rng.integers(len(colours)))], rng.random(3).tolist()
    return tuple(max(8.0, min(value + spread * (2 * k - 1), 250.0)) for value, k in zip(colour, change))


def shaded(colour: Colour, factor: float) -> Colour:
    """Return a colour darkened or lightened."""
    return tuple(min(value * factor, 255.0) for value in colour)


def draw_person(canvas: Canvas, thing: Thing, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a walking person, or a rider above a bike; skin is warmer than clothes."""
    size = thing.height / 1.75
    clothes = _DULL if thing.dull else (_CLOTHES[6:8] + _CLOTHES[:1] if weather.dark and rng.random() < 0.5 else _CLOTHES)
    jacket, trousers, skin = pick(rng, clothes), pick(rng, clothes[:4] if not thing.dull else _DULL), pick(rng, _SKIN, 8)
    hair = pick(rng, ((30, 30, 35), (45, 60, 90), (120, 125, 130)), 8)
    bare, worn, legs = (weather.ground + thing.heat * share for share in (1.0, rng.uniform(0.55, 0.85), rng.uniform(0.6, 0.8)))
    side = float(rng.choice([-1.0, 1.0]))
    hips = 0.92 if not thing.active else 1.0
    _legs(canvas, thing, (trousers, skin), legs, size, side, rng)
    arm = 0.10 if thing.active else float(rng.uniform(-0.12, 0.18))
    lean = side * (0.16 if thing.active else float(rng.uniform(-0.03, 0.03)))
    shoulder, elbow = (lean * 0.8 + side * 0.2, 1.42), (lean + side * (0.25 + arm), 1.16)
    hand = (lean + side * (0.24 + 2.0 * arm), 1.08 if thing.active else 0.9)
    torso = np.array([(-0.19 + lean, 1.47), (0.19 + lean, 1.47), (0.23 + lean, 1.36), (0.17, hips), (-0.17, hips),
                      (-0.23 + lean, 1.36)])
    canvas.line(size * np.array([(lean - side * 0.2, 1.42), (lean - side * (0.26 + arm * 0.5), 1.14),
                                 (lean - side * 0.2, 0.9)]), 0.09 * size, shaded(jacket, 0.75), worn)
    canvas.poly(size * torso, jacket, worn)
    canvas.poly(size * torso[[1, 2, 3]] * (1, 1), shaded(jacket, 0.8), worn)
    canvas.line(size * np.array([shoulder, elbow, hand]), 0.1 * size, shaded(jacket, 0.88), worn)
    canvas.ellipse((size * hand[0], size * hand[1]), (0.05 * size, 0.05 * size), skin, bare)
    canvas.poly(size * np.array([(-0.06 + lean, 1.45), (0.06 + lean, 1.45), (0.06 + lean, 1.56), (-0.06 + lean, 1.56)]), skin, bare)
    head = (size * lean * 1.15, size * 1.63)
    canvas.ellipse((head[0], head[1] + 0.025 * size), (0.118 * size, 0.13 * size), hair, weather.ground + thing.heat * 0.75)
    canvas.ellipse((head[0] + side * 0.02, head[1] - 0.02 * size), (0.09 * size, 0.11 * size), skin, bare)


def _legs(canvas: Canvas, thing: Thing, colours: tuple[Colour, Colour], heat: float, size: float, side: float,
          rng: np.random.Generator) -> None:
    """Draw two legs: apart as in a step, or bent on the pedals."""
    step = float(rng.uniform(0.02, 0.26)) * side
    width = float(rng.uniform(0.13, 0.17)) * size
    for sign, shade in ((-1, 0.72), (1, 0.95)):
        if thing.active:
            points = ((0.05 * sign, 1.0), (side * 0.22, 0.74 + 0.08 * sign), (side * 0.05, 0.36 + 0.12 * sign))
        else:
            points = ((0.07 * sign, 0.94), (0.07 * sign + step * 0.6 * sign, 0.5), (0.07 * sign + step * sign, 0.07))
        canvas.line(size * np.array(points), width, shaded(colours[0], shade), heat)
        foot = points[-1]
        canvas.ellipse((size * (foot[0] + side * 0.05), size * foot[1] - 0.02), (0.11 * size, 0.05 * size), _BLACK, heat * 0.9)


def draw_cone(canvas: Canvas, thing: Thing, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a traffic cone: base plate, body in three shades, two bands that reflect headlights."""
    body = pick(rng, _DULL if thing.dull else ((25, 75, 235), (30, 40, 215), (40, 120, 240), (60, 170, 60)))
    heat, tall = weather.ground + thing.heat, thing.height
    canvas.poly(tall * np.array([(-0.27, 0), (0.27, 0), (0.25, 0.07), (-0.25, 0.07)]), shaded(body, 0.55), heat)

    def ring(low: float, high: float, colour: Colour, warm: float) -> None:
        wide, slim = 0.19 - 0.155 * low, 0.19 - 0.155 * high
        for left, right, shade in ((-1.0, -0.3, 0.8), (-0.3, 0.4, 1.08), (0.4, 1.0, 0.65)):
            points = [(left * wide, low), (right * wide, low), (right * slim, high), (left * slim, high)]
            canvas.poly(tall * np.array(points), shaded(colour, shade), warm)

    ring(0.06, 1.0, body, heat)
    for low, high in ((0.35, 0.52), (0.66, 0.82)) if rng.random() < 0.8 else ((0.45, 0.7),):
        ring(low, high, (105, 110, 110) if thing.dull else (225, 228, 228), heat - 0.02)
        if not thing.dull:
            canvas.light((0.0, tall * (low + high) / 2), (0.09 * tall, tall * (high - low) / 2), mirror=0.5)


def draw_stop(canvas: Canvas, thing: Thing, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a car stop: a low block with a slanted top, plain concrete or striped, with two reflectors."""
    heat, tall = weather.ground + thing.heat, thing.height
    half, deep = float(rng.uniform(0.65, 0.85)), 0.32
    base = pick(rng, _DULL) if thing.dull else pick(rng, ((185, 190, 195), (150, 155, 160), (40, 175, 225)))
    stripe = _BLACK if base[2] > base[0] + 60 else (45, 55, 200)
    turn = 0.35 * np.sin(thing.yaw)

    def world(points: list[tuple[float, float, float]]) -> np.ndarray:
        return np.array([(u * np.cos(turn) - d * np.sin(turn), v, u * np.sin(turn) + d * np.cos(turn)) for u, v, d in points])

    canvas.poly(world([(-half, tall, deep * 0.3), (half, tall, deep * 0.3), (half, tall, deep), (-half, tall, deep)]),
                shaded(base, 1.25), heat + 0.02)
    canvas.poly(world([(-half, 0, 0), (half, 0, 0), (half, tall, deep * 0.3), (-half, tall, deep * 0.3)]), shaded(base, 0.85), heat)
    if not thing.dull and rng.random() < 0.75:
        for k in range(4):
            u = -half + (k + 0.35) * half / 2
            canvas.poly(world([(u, 0, 0), (u + 0.17, 0, 0), (u + 0.3, tall, deep * 0.3), (u + 0.13, tall, deep * 0.3)]), stripe, heat)
    for u in (-0.85 * half, 0.85 * half):
        place = world([(u, tall * 0.6, 0)])[0]
        canvas.ellipse(tuple(place), (0.06, 0.06), (60, 150, 235), heat)
        canvas.light(tuple(place), (0.06, 0.06), mirror=0.8)


def draw_bike(canvas: Canvas, thing: Thing, weather: Weather, rng: np.random.Generator) -> None:
    """Draw a bicycle or a scooter, turned against the view; tyres and engine of a ridden one are warm."""
    frame = pick(rng, _DULL if thing.dull else ((40, 40, 190), (170, 90, 40), (50, 50, 55), (190, 190, 190), (60, 130, 60)))
    cold, size = weather.ground + thing.heat * (0.5 if thing.active else 1.0), thing.height / 1.08
    turn = np.cos(thing.yaw) if abs(np.cos(thing.yaw)) > 0.45 else 0.45 * (1 if np.cos(thing.yaw) >= 0 else -1)
    tyre = cold + (0.08 if thing.active else 0.0)

    def at(u: float, v: float) -> tuple[float, float]:
        return size * u * turn, size * v

    scooter = rng.random() < 0.4
    radius = 0.27 if scooter else 0.34
    for u in (-0.53, 0.53):
        canvas.ellipse(at(u, radius), (size * radius * abs(turn), size * radius), _BLACK, tyre, 0.09 if scooter else 0.07)
        canvas.ellipse(at(u, radius), (0.08 * size, 0.08 * size), (110, 110, 110), tyre)
    if scooter:
        _scooter(canvas, at, frame, cold, weather.ground + (0.35 if thing.active else thing.heat))
    else:
        for path in (((-0.53, 0.34), (-0.15, 0.36), (0.38, 0.8), (-0.25, 0.78), (-0.53, 0.34)), ((-0.15, 0.36), (-0.28, 0.92)),
                     ((0.53, 0.34), (0.36, 0.98))):
            canvas.line(np.array([at(u, v) for u, v in path]), 0.075, frame, cold)
        canvas.line(np.array([at(0.2, 1.04), at(0.44, 1.0)]), 0.06, _BLACK, cold)
        canvas.line(np.array([at(-0.4, 0.95), at(-0.16, 0.95)]), 0.09, _BLACK, cold)
    canvas.ellipse(at(-0.62, 0.5), (0.05, 0.05), (40, 40, 200), cold)
    canvas.light(at(-0.62, 0.5), (0.05, 0.05), glow=0.5 if weather.dark and thing.active else 0.0, mirror=0.8)


def _scooter(canvas: Canvas, at, frame: Colour, cold: float, engine: float) -> None:
    """Draw the body of a scooter between its wheels."""
    canvas.poly(np.array([at(u, v) for u, v in ((-0.72, 0.5), (-0.15, 0.3), (0.2, 0.3), (0.34, 0.9), (0.44, 0.88), (0.3, 0.2),
                                                (-0.2, 0.16), (-0.6, 0.34))]), frame, cold)
    canvas.poly(np.array([at(u, v) for u, v in ((-0.7, 0.62), (-0.1, 0.6), (-0.1, 0.72), (-0.7, 0.76))]), _BLACK, cold)
    canvas.poly(np.array([at(u, v) for u, v in ((-0.62, 0.6), (-0.12, 0.56), (-0.08, 0.34), (-0.5, 0.4))]), shaded(frame, 0.8), cold)
    canvas.ellipse(at(-0.28, 0.28), (0.14, 0.11), (90, 90, 95), engine)
    canvas.line(np.array([at(0.3, 0.95), at(0.48, 1.04)]), 0.07, _BLACK, cold)
