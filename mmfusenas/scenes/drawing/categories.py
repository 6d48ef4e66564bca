"""Categories of objects: sizes, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass

from .difficulty import CLASSES


@dataclass(frozen=True)
class Category:
    """Properties that all instances of a category share.

    Attributes:
        height: Range of heights in metres.
        width: Width across the view over height, for judging who hides whom.
        length: Extent on the ground in metres, no two instances stand within it.
        zones: Where it stands: probability of acceptance on road, walk and strip.
        reach: Its distances over those of people, so that small instances are not too small.
    """

    height: tuple[float, float]
    width: float
    length: float
    zones: tuple[float, float, float]
    reach: float = 1.0


CATEGORIES = {
    'color_cone': Category((0.80, 1.05), 0.55, 0.5, (1.0, 0.7, 0.3), 0.62),
    'car_stop': Category((0.42, 0.52), 3.2, 1.0, (0.7, 1.0, 0.6), 0.50),
    'car': Category((1.45, 1.80), 1.6, 3.6, (1.0, 0.25, 0.1), 1.15),
    'person': Category((1.50, 1.88), 0.4, 0.5, (0.6, 1.0, 0.6)),
    'bike': Category((1.02, 1.15), 1.5, 1.2, (0.7, 1.0, 0.4), 0.62),
    # Clutter: no objects, but some look like one in one of the two sensors.
    'tree': Category((3.5, 7.0), 0.5, 1.0, (0.0, 0.5, 1.0), 1.3),
    'bush': Category((0.6, 1.3), 1.3, 1.0, (0.0, 0.3, 1.0)),
    'pole': Category((3.0, 5.0), 0.05, 0.3, (0.0, 1.0, 0.6)),
    'sign': Category((2.2, 2.8), 0.25, 0.3, (0.05, 1.0, 0.6)),
    'bin': Category((0.8, 1.1), 0.7, 0.7, (0.1, 1.0, 0.8)),
    'poster': Category((1.7, 2.1), 0.6, 0.6, (0.0, 1.0, 1.0)),
    'hydrant': Category((0.6, 0.8), 0.4, 0.4, (0.1, 1.0, 0.5), 0.7),
    'dog': Category((0.5, 0.7), 1.4, 0.6, (0.7, 1.0, 1.0), 0.6),
    'manhole': Category((0.02, 0.03), 30.0, 0.6, (1.0, 0.3, 0.0), 0.8),
    'vent': Category((0.6, 1.4), 0.8, 0.6, (0.0, 1.0, 1.0)),
    'box': Category((0.4, 0.9), 1.1, 0.8, (0.3, 1.0, 0.8), 0.7),
}
CLUTTER = tuple(name for name in CATEGORIES if name not in CLASSES)
