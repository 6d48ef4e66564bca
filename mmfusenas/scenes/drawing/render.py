"""Draw one scene: the pure function behind ``SyntheticScenes``."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from mmfusenas.core.errors import InputError

from .backdrop import paint_backdrop
from .canvas import Canvas
from .car import draw_car
from .categories import CATEGORIES
from .clutter import CLUTTER_DRAWERS
from .difficulty import CLASSES, CONDITIONS, get_difficulty
from .frame import PLANTS, Frame
from .instances import Instance, draw_instances
from .lights import LAMP_HEIGHT
from .misalign import misaligned
from .objects import draw_bike, draw_cone, draw_stop
from .person import draw_person
from .sensors import see_infrared, see_visible
from .shadows import paint_shadows
from .street import Street, draw_street
from .weather import Weather, draw_weather

SMALLEST = 48  # pixels; below it even near objects are specks
_DRAWERS = dict(zip(CLASSES, (draw_cone, draw_stop, draw_car, draw_person, draw_bike)), **CLUTTER_DRAWERS)
_PLANTS = ('tree', 'bush')
_LEAST_VISIBLE = 0.35  # of an object's pixels
_LEAST_PIXELS = 12  # at 128 rows


@dataclass
class Scene:
    """A drawn scene.

    Attributes:
        visible: H x W x 3 uint8 (blue, green, red).
        infrared: H x W uint8, warm is bright.
        boxes: N x 4 float32 (x1, y1, x2, y2) round the visible pixels of each object.
        labels: N int64, indices into ``CLASSES``.
        instance_map: H x W uint8, 1 + index of the object, 0 elsewhere.
        semantic_map: H x W uint8, indices into ``SEMANTICS``.
        depth: H x W float32, distance in metres, 400 at the sky.
        condition: One of ``CONDITIONS``.
    """

    visible: np.ndarray
    infrared: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    instance_map: np.ndarray
    semantic_map: np.ndarray
    depth: np.ndarray
    condition: str


def scene_condition(seed: int, index: int, conditions: tuple[str, ...] = CONDITIONS) -> str:
    """Return the condition of a scene without drawing it."""
    return conditions[int(np.random.default_rng([seed, index, 0]).integers(len(conditions)))]


def draw_scene(
    seed: int,
    index: int,
    size: tuple[int, int],
    difficulty: str = 'normal',
    conditions: tuple[str, ...] = CONDITIONS,
    misalign: float = 0.0,
    clean: bool = False,
) -> Scene:
    """Draw the scene that belongs to a seed and an index; another size gives the same scene at that size.

    Args:
        seed: Seed of the split, at least 0.
        index: Index of the scene, at least 0.
        size: Rows and columns of both images, at least 48 each.
        difficulty: Row of ``DIFFICULTIES``.
        conditions: Those to draw from.
        misalign: The infrared image is shifted, turned and stretched, and no corner moves farther than this many
            pixels.
        clean: Whether the visible image has no noise.

    Raises:
        ValueError: Unknown difficulty or condition, a size that is too small, or a negative number.

    Example:
        >>> scene = draw_scene(0, 5, (128, 160))
        >>> scene.visible.shape, scene.infrared.shape
        ((128, 160, 3), (128, 160))
    """
    table = get_difficulty(difficulty)
    check_arguments(seed, size, conditions, misalign)
    condition = scene_condition(seed, index, conditions)
    rng, noise = np.random.default_rng([seed, index, 1]), np.random.default_rng([seed, index, 2, *size])
    weather, street = draw_weather(rng, condition, table), draw_street(rng, size)
    instances, spots = draw_instances(rng, street, weather, table)
    if clean:
        weather = replace(weather, noise=0.0)
    frame = Frame.blank(size)
    paint_backdrop(frame, street, weather)
    paint_shadows(frame, street, weather, instances)
    labels, areas = _paint_instances(frame, street, weather, instances)
    boxes, labels = _annotate(frame, labels, areas)
    visible = see_visible(frame, street, weather, spots, noise)
    infrared = see_infrared(frame, weather, table.infrared_noise, noise)
    if misalign > 0:
        infrared = misaligned(infrared, misalign, noise)
    return Scene(visible, infrared, boxes, labels, frame.instance, frame.semantic, frame.depth, condition)


def check_arguments(seed: int, size: tuple[int, int], conditions: tuple[str, ...], misalign: float) -> None:
    """Raise ValueError for what cannot be drawn."""
    if seed < 0 or misalign < 0:
        raise InputError(f'seed and misalign of SyntheticScenes must be at least 0, got {seed} and {misalign}')
    if len(size) != 2 or min(size) < SMALLEST:
        raise InputError(
            f'size of SyntheticScenes must be (rows, columns) of at least {SMALLEST} pixels each, got {size}'
        )
    unknown = [name for name in conditions if name not in CONDITIONS]
    if unknown or not conditions:
        raise InputError(
            f'unknown conditions {unknown} of SyntheticScenes: choose one or more of {", ".join(CONDITIONS)}'
        )


def _paint_instances(
    frame: Frame, street: Street, weather: Weather, instances: list[Instance]
) -> tuple[list[int], list[int]]:
    """Paint everything from far to near; return labels and unhidden pixel counts of the objects."""
    lamps = [
        Instance('lamp', float(x), float(z), LAMP_HEIGHT + 0.2, 0.0, 0.0, False, False, k)
        for k, (x, z) in enumerate(street.lamps)
    ]
    labels: list[int] = []
    areas: list[int] = []
    for instance in sorted(instances + lamps, key=lambda instance: -instance.z):
        canvas = Canvas(street.camera, instance.x, instance.z, _reach(instance))
        if canvas.empty:
            continue
        _DRAWERS[instance.category](canvas, instance, weather, np.random.default_rng(instance.style))
        number = CLASSES.index(instance.category) if instance.category in CLASSES else None
        semantic = PLANTS if instance.category in _PLANTS else 0 if number is None else 1 + number
        area = canvas.stamp(
            frame, semantic, 0 if number is None else len(labels) + 1, 0.3 if instance.category in _PLANTS else 0.12
        )
        if number is not None:
            labels.append(number)
            areas.append(area)
    return labels, areas


def _reach(instance: Instance) -> tuple[float, float, float]:
    """Return half the width, the height and half the depth that an instance can take up, in metres."""
    tall = 1.05 * instance.height + 0.1
    if instance.category == 'car':
        along, across = abs(math.cos(instance.yaw)), abs(math.sin(instance.yaw))
        return 2.2 * across + 1.0 * along, tall, 2.2 * along + 1.0 * across
    if instance.category == 'lamp':
        return 1.3, tall, 0.1
    return 0.65 * CATEGORIES[instance.category].width * instance.height + 0.3, tall, 0.8


def _annotate(frame: Frame, labels: list[int], areas: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes and labels of the objects that are visible enough; the others leave the instance map."""
    least = _LEAST_PIXELS * (frame.depth.shape[0] / 128) ** 2
    boxes, kept = [], []
    renumber = np.zeros(len(labels) + 1, np.uint8)
    for k, (label, area) in enumerate(zip(labels, areas), start=1):
        mask = frame.instance == k
        count = int(np.count_nonzero(mask))
        if count < max(least, _LEAST_VISIBLE * area):
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        kept.append(label)
        renumber[k] = len(kept)
    frame.instance = renumber[frame.instance]
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(kept, np.int64)
