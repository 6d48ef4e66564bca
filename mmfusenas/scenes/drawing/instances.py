"""Who and what is on the street: objects and clutter, where they stand and how warm they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .camera import ASPECT, FOCAL, Camera
from .categories import CATEGORIES, CLUTTER
from .difficulty import CLASSES, Difficulty
from .lights import headlight, lamplight
from .street import Street
from .weather import Weather


@dataclass(frozen=True)
class Instance:
    """One instance on the street.

    Attributes:
        category: Key of ``CATEGORIES``.
        x, z: Its foot in metres.
        height: Metres.
        yaw: Turn about the vertical in radians; 0 faces the camera.
        heat: Temperature above (or below) the ground's; for a car that is driven, of its warm parts.
        active: Whether a car is driven, a person or bike rides.
        dull: Whether it wears the colours of the street.
        style: Seed of its looks.
    """

    category: str
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
        half = CATEGORIES[self.category].width * self.height * scale / 2
        return column - half, row - self.height * scale, column + half, row


Spot = tuple[float, float]  # image heights right of the middle and below the top


def draw_instances(
    rng: np.random.Generator, street: Street, weather: Weather, table: Difficulty
) -> tuple[list[Instance], list[Spot]]:
    """Draw objects and clutter from far to near, and where blinding light comes from.

    Args:
        rng: Source of chance.
        street: Where they stand.
        weather: Decides how warm they are.
        table: Row of the difficulty table.
    """
    instances: list[Instance] = []
    spots: list[Spot] = []
    count = 0 if rng.random() < table.empty else int(rng.integers(table.objects[0], table.objects[1] + 1))
    if weather.condition == 'glare' and not weather.dark:
        spots = [weather.sun_spot]
    elif weather.condition == 'glare' and count:
        instances.append(_dazzler(rng, street))
        spots = _headlights(instances[0], street.camera)
    names = [CLASSES[k] for k in rng.choice(len(CLASSES), count, p=(0.20, 0.18, 0.19, 0.21, 0.22))]
    names += [CLUTTER[k] for k in rng.integers(len(CLUTTER), size=rng.integers(table.clutter[0], table.clutter[1] + 1))]
    for name in names:
        instance = _place(rng, name, street, table, instances)
        if instance is not None:
            instance = _with_looks(rng, instance, street, weather, spots, table)
            instances.append(instance)
            if name == 'bike' and instance.active:
                instances.append(_rider(rng, instance, weather))
    return sorted(instances, key=lambda instance: -instance.z), spots


def _dazzler(rng: np.random.Generator, street: Street) -> Instance:
    """Return the oncoming car whose headlights blind."""
    x = -street.left.kerb / 2 + float(rng.uniform(-0.5, 0.5))
    return Instance(
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


def _headlights(car: Instance, camera: Camera) -> list[Spot]:
    """Return where the two headlights of an oncoming car are seen."""
    scale = FOCAL / (car.z - 2.0)
    return [
        (camera.aside + (car.x + across) * scale, camera.horizon + (camera.eye - 0.65) * scale)
        for across in (-0.6, 0.6)
    ]


def _rider(rng: np.random.Generator, bike: Instance, weather: Weather) -> Instance:
    """Return the person on a bike; riders are always warm enough to tell."""
    return replace(
        bike,
        category='person',
        z=bike.z - 0.02,
        height=1.72,
        heat=max(weather.body, 0.1),
        style=int(rng.integers(1 << 30)),
    )


def _place(
    rng: np.random.Generator, name: str, street: Street, table: Difficulty, others: list[Instance]
) -> Instance | None:
    """Return an instance at a free place in view, or None where 30 tries found none."""
    category, camera = CATEGORIES[name], street.camera
    nearest = 1.04 * FOCAL * camera.eye / (1 - camera.horizon) + category.length / 2
    low, high = (FOCAL * 1.7 / height * category.reach for height in reversed(table.height))
    low = max(low, nearest)
    for distance, column, chance in rng.random((30, 3)).tolist():
        z = low * (max(high, 1.3 * low) / low) ** distance
        x = camera.column_to_side((0.92 * column - 0.46) * ASPECT, z)
        zone = street.zone(x)
        if zone == 'out' or chance > category.zones[('road', 'walk', 'strip').index(zone)]:
            continue
        height, style = float(rng.uniform(*category.height)), int(rng.integers(1 << 30))
        instance = Instance(name, x, z, height, 0.0, 0.0, False, False, style)
        if all(_compatible(instance, other, camera) for other in others):
            return instance
    return None


def _compatible(one: Instance, two: Instance, camera: Camera) -> bool:
    """Return whether neither stands in the other, and the nearer hides less than 0.3 of an object."""
    room = (CATEGORIES[one.category].length + CATEGORIES[two.category].length) / 2
    if abs(one.x - two.x) < room and abs(one.z - two.z) < room:
        return False
    far, near = (one, two) if one.z > two.z else (two, one)
    if far.category not in CLASSES:
        return True
    a, b = far.box(camera), near.box(camera)
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return shared < 0.3 * (a[2] - a[0]) * (a[3] - a[1])


def _with_looks(
    rng: np.random.Generator, instance: Instance, street: Street, weather: Weather, spots: list[Spot], table: Difficulty
) -> Instance:
    """Return the instance with yaw, warmth and colours drawn."""
    driven = instance.category == 'car' and rng.random() < (0.55 if street.zone(instance.x) == 'road' else 0.0)
    ridden = instance.category == 'bike' and rng.random() < 0.35
    if instance.category == 'car':
        turns = (0.0, np.pi) if street.zone(instance.x) == 'road' or rng.random() < 0.5 else (np.pi / 2, -np.pi / 2)
        yaw = float(rng.choice(turns) + rng.uniform(-0.12, 0.12))
    else:
        yaw = float(rng.uniform(-np.pi, np.pi))
    dull = bool(rng.random() < table.camouflage)
    instance = replace(instance, yaw=yaw, active=bool(driven or ridden), dull=dull)
    return replace(instance, heat=_warmth(rng, instance, unseen(instance, street, weather, spots), weather, table))


def unseen(instance: Instance, street: Street, weather: Weather, spots: list[Spot]) -> bool:
    """Return whether the visible image hardly shows it: dark, in fog, in the glare, or dull like the street."""
    light = weather.ambient + weather.sun
    if weather.dark:
        light += float(lamplight(street, weather, instance.x, instance.z))
        light += float(headlight(weather, instance.x, instance.height / 2, instance.z))
    left, top, right, bottom = instance.box(street.camera)
    x, y = (left + right) / 2, (top + bottom) / 2
    blinded = any((x - spot[0]) ** 2 + (y - spot[1]) ** 2 < (0.25 * weather.glare) ** 2 for spot in spots)
    return light < 0.09 or weather.fog * instance.z > 0.75 or blinded or instance.dull


def _warmth(rng: np.random.Generator, instance: Instance, hidden: bool, weather: Weather, table: Difficulty) -> float:
    """Return the temperature above the ground's; what no eye sees is seen in infrared, so that no label is a guess."""
    sign = 1.0 if rng.random() < 0.65 else -1.0
    if instance.category in ('person', 'dog'):
        return weather.body if weather.body > 0.2 or not hidden else 0.25
    if instance.category in ('manhole', 'vent'):
        return float(rng.uniform(0.1, 0.4))
    if instance.category == 'car' and instance.active:
        return float(rng.uniform(0.25, 0.5))
    if instance.category not in CLASSES:
        return float(rng.uniform(-0.08, 0.08))
    if not hidden and rng.random() < table.cold:
        return float(rng.uniform(-0.02, 0.02))
    return sign * float(rng.uniform(0.14, 0.28))
