"""How hard a drawn scene is: one table, a row for each difficulty. Tune the built-in data set here."""

from __future__ import annotations

from dataclasses import dataclass

from mmfusenas.core.errors import InputError

CLASSES = ('color_cone', 'car_stop', 'car', 'person', 'bike')
CONDITIONS = ('day', 'night', 'glare', 'fog')


@dataclass(frozen=True)
class Difficulty:
    """Numbers that a scene is drawn from; a pair is the range of a uniform draw.

    Attributes:
        objects: Least and largest number of objects tried (fewer stay where they hide one another).
        empty: Probability of a scene with no object at all.
        height: Height of a standing person in image heights, drawn log-uniformly: 0.1 is 12.8 pixels of 128.
            The other classes stand at distances drawn likewise, each over a nearer range (``Category.reach``).
        clutter: Least and largest number of instances that are no objects: poles, signs, bushes, dogs, ...
        camouflage: Probability that an object wears the colours of what surrounds it.
        cold: Probability that a cone, stop, bike or parked car is as warm as the ground, unseen in infrared.
        crossover: Probability of a hot day (condition day or glare) on which people are as warm as the street.
        moonlight: Light at night beside the lamps; 1 is full daylight.
        headlight: Light of the own vehicle at night, at one metre.
        fog: Visible attenuation in fog, per metre.
        blinding: Strength of the glare; 1 blinds about a fifth of the image.
        noise: Standard deviation of the visible noise by day and at night, in grey levels.
        infrared_noise: Standard deviation of the infrared noise, in grey levels.
    """

    objects: tuple[int, int]
    empty: float
    height: tuple[float, float]
    clutter: tuple[int, int]
    camouflage: float
    cold: float
    crossover: float
    moonlight: tuple[float, float]
    headlight: tuple[float, float]
    fog: tuple[float, float]
    blinding: tuple[float, float]
    noise: tuple[float, float]
    infrared_noise: float


DIFFICULTIES = {
    'easy': Difficulty(
        objects=(2, 5),
        empty=0.01,
        height=(0.46, 1.1),
        clutter=(1, 4),
        camouflage=0.0,
        cold=0.45,
        crossover=0.1,
        moonlight=(0.010, 0.030),
        headlight=(0.2, 0.6),
        fog=(0.03, 0.06),
        blinding=(0.4, 0.8),
        noise=(2.0, 8.0),
        infrared_noise=2.0,
    ),
    'normal': Difficulty(
        objects=(2, 6),
        empty=0.02,
        height=(0.21, 0.66),
        clutter=(2, 7),
        camouflage=0.05,
        cold=0.55,
        crossover=0.15,
        moonlight=(0.001, 0.004),
        headlight=(0.01, 0.10),
        fog=(0.07, 0.13),
        blinding=(0.6, 1.1),
        noise=(3.0, 12.0),
        infrared_noise=4.0,
    ),
    'hard': Difficulty(
        objects=(3, 10),
        empty=0.02,
        height=(0.07, 0.34),
        clutter=(8, 16),
        camouflage=0.3,
        cold=0.6,
        crossover=0.4,
        moonlight=(0.0005, 0.002),
        headlight=(0.0, 0.06),
        fog=(0.08, 0.16),
        blinding=(1.0, 1.8),
        noise=(6.0, 22.0),
        infrared_noise=10.0,
    ),
}


def get_difficulty(name: str) -> Difficulty:
    """Return the row ``name`` of ``DIFFICULTIES``.

    Raises:
        ValueError: There is no such row.
    """
    if name not in DIFFICULTIES:
        raise InputError(f'unknown difficulty {name!r} of SyntheticScenes: choose one of {", ".join(DIFFICULTIES)}')
    return DIFFICULTIES[name]
