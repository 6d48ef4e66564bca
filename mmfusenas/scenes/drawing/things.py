"""Who and what is on the street: objects and clutter, where they stand and how warm they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .camera import ASPECT, FOCAL, Camera
from .difficulty import CLASSES, Difficulty
from .kinds import CLUTTER, KINDS
from .lights import headlight, lamplight
from .street import Street
from .weather import Weather


@dataclass(frozen=True)
class Thing:
    """One thing on the street.

    Attributes:
        kind: Key of ``KINDS``.
        x, z: Its foot in metres.
        height: Metres.
        yaw: Turn about the vertical in radians; 0 faces the camera.
        heat: Temperature above (or below) the ground's; for a car that is driven, of its warm parts.
        active: Whether a car is driven, a person or bike rides.
        dull: Whether it wears the colours of the street.
        style: Seed of its looks.
    """

    kind: str
    x: float
    z: float
    height: float
    yaw: float
    heat: float
    active: bool
    dull: bool
    style: int

    def box(self, camera: Camera) -> tuple[float, float, float, float]:
        """Return about where it is seen (left, top, right, bottom) in image heights from the middle."""
        scale = FOCAL / self.z
        column, row = camera.aside + self.x * scale, camera.horizon + camera.eye * scale
        half = KINDS[self.kind].width * self.height * scale / 2
        return column - half, row - self.height * scale, column + half, row


Spot = tuple[float, float]  # image heights right of the middle and below the top


def draw_things(
    rng: np.random.Generator, street: Street, weather: Weather, table: Difficulty
) -> tuple[list[Thing], list[Spot]]:
    """Draw objects and clutter from far to near, and where blinding light comes from.

    Args:
        rng: Source of chance.
        street: Where they stand.
        weather: Decides how warm they are.
        table: Row of the difficulty table.
    """
    things: list[Thing] = []
    spots: list[Spot] = []
    count = 0 if rng.random() < table.empty else int(rng.integers(table.objects[0], table.objects[1] + 1))
    if weather.condition == 'glare' and not weather.dark:
        spots = [weather.sun_spot]
    elif weather.condition == 'glare' and count:
        things.append(_dazzler(rng, street))
        spots = _headlights(things[0], street.camera)
    names = [CLASSES[k] for k in rng.choice(len(CLASSES), count, p=(0.20, 0.18, 0.19, 0.21, 0.22))]
    names += [CLUTTER[k] for k in rng.integers(len(CLUTTER), size=rng.integers(table.clutter[0], table.clutter[1] + 1))]
    for name in names:
        thing = _place(rng, name, street, table, things)
        if thing is not None:
            thing = _with_looks(rng, thing, street, weather, spots, table)
            things.append(thing)
            if name == 'bike' and thing.active:
                things.append(_rider(rng, thing, weather))
    return sorted(things, key=lambda thing: -thing.z), spots


def _dazzler(rng: np.random.Generator, street: Street) -> Thing:
    """Return the oncoming car whose headlights blind."""
    x = -street.left.kerb / 2 + float(rng.uniform(-0.5, 0.5))
    return Thing(
        'car',
        x,
        float(rng.uniform(9, 16)),
        1.55,
        float(rng.uniform(-0.05, 0.05)),
        0.4,
        True,
        False,
        int(rng.integers(1 << 30)),
    )


def _headlights(car: Thing, camera: Camera) -> list[Spot]:
    """Return where the two headlights of an oncoming car are seen."""
    scale = FOCAL / (car.z - 2.0)
    return [
        (camera.aside + (car.x + across) * scale, camera.horizon + (camera.eye - 0.65) * scale)
        for across in (-0.6, 0.6)
    ]


def _rider(rng: np.random.Generator, bike: Thing, weather: Weather) -> Thing:
    """Return the person on a bike; riders are always warm enough to tell."""
    return replace(
        bike, kind='person', z=bike.z - 0.02, height=1.72, heat=max(weather.body, 0.1), style=int(rng.integers(1 << 30))
    )


def _place(rng: np.random.Generator, name: str, street: Street, table: Difficulty, others: list[Thing]) -> Thing | None:
    """Return a thing at a free place in view, or None where 30 tries found none."""
    kind, camera = KINDS[name], street.camera
    nearest = 1.04 * FOCAL * camera.eye / (1 - camera.horizon) + kind.length / 2
    low, high = (FOCAL * 1.7 / height * kind.reach for height in reversed(table.height))
    low = max(low, nearest)
    for distance, column, chance in rng.random((30, 3)).tolist():
        z = low * (max(high, 1.3 * low) / low) ** distance
        x = camera.column_to_side((0.92 * column - 0.46) * ASPECT, z)
        zone = street.zone(x)
        if zone == 'out' or chance > kind.zones[('road', 'walk', 'strip').index(zone)]:
            continue
        thing = Thing(name, x, z, float(rng.uniform(*kind.height)), 0.0, 0.0, False, False, int(rng.integers(1 << 30)))
        if all(_compatible(thing, other, camera) for other in others):
            return thing
    return None


def _compatible(one: Thing, two: Thing, camera: Camera) -> bool:
    """Return whether neither stands in the other, and the nearer hides less than 0.3 of an object."""
    room = (KINDS[one.kind].length + KINDS[two.kind].length) / 2
    if abs(one.x - two.x) < room and abs(one.z - two.z) < room:
        return False
    far, near = (one, two) if one.z > two.z else (two, one)
    if far.kind not in CLASSES:
        return True
    a, b = far.box(camera), near.box(camera)
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return shared < 0.3 * (a[2] - a[0]) * (a[3] - a[1])


def _with_looks(
    rng: np.random.Generator, thing: Thing, street: Street, weather: Weather, spots: list[Spot], table: Difficulty
) -> Thing:
    """Return the thing with yaw, warmth and colours drawn."""
    driven = thing.kind == 'car' and rng.random() < (0.55 if street.zone(thing.x) == 'road' else 0.0)
    ridden = thing.kind == 'bike' and rng.random() < 0.35
    if thing.kind == 'car':
        turns = (0.0, np.pi) if street.zone(thing.x) == 'road' or rng.random() < 0.5 else (np.pi / 2, -np.pi / 2)
        yaw = float(rng.choice(turns) + rng.uniform(-0.12, 0.12))
    else:
        yaw = float(rng.uniform(-np.pi, np.pi))
    dull = bool(rng.random() < table.camouflage)
    thing = replace(thing, yaw=yaw, active=bool(driven or ridden), dull=dull)
    return replace(thing, heat=_warmth(rng, thing, unseen(thing, street, weather, spots), weather, table))


def unseen(thing: Thing, street: Street, weather: Weather, spots: list[Spot]) -> bool:
    """Return whether the visible image hardly shows a thing: dark, in fog, in the glare, or dull like the street."""
    light = weather.ambient + weather.sun
    if weather.dark:
        light += float(lamplight(street, weather, thing.x, thing.z))
        light += float(headlight(weather, thing.x, thing.height / 2, thing.z))
    left, top, right, bottom = thing.box(street.camera)
    x, y = (left + right) / 2, (top + bottom) / 2
    blinded = any((x - spot[0]) ** 2 + (y - spot[1]) ** 2 < (0.25 * weather.glare) ** 2 for spot in spots)
    return light < 0.09 or weather.fog * thing.z > 0.75 or blinded or thing.dull


def _warmth(rng: np.random.Generator, thing: Thing, hidden: bool, weather: Weather, table: Difficulty) -> float:
    """Return the temperature above the ground's; what no eye sees is seen in infrared, so that no label is a guess."""
    sign = 1.0 if rng.random() < 0.65 else -1.0
    if thing.kind in ('person', 'dog'):
        return weather.body if weather.body > 0.2 or not hidden else 0.25
    if thing.kind in ('manhole', 'vent'):
        return float(rng.uniform(0.1, 0.4))
    if thing.kind == 'car' and thing.active:
        return float(rng.uniform(0.25, 0.5))
    if thing.kind not in CLASSES:
        return float(rng.uniform(-0.08, 0.08))
    if not hidden and rng.random() < table.cold:
        return float(rng.uniform(-0.02, 0.02))
    return sign * float(rng.uniform(0.14, 0.28))
