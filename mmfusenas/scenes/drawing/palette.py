"""Colours (blue, green, red in 0-255) that the drawers share."""

from __future__ import annotations

import numpy as np

from .canvas import Colour

BLACK, GLASS, METAL = (28, 27, 26), (70, 62, 52), (120, 120, 118)
DULL = ((98, 98, 96), (84, 92, 90), (70, 84, 76), (112, 112, 110))  # of what wears the colours of the street


def pick(rng: np.random.Generator, colours: tuple[Colour, ...], spread: float = 14.0) -> Colour:
    """Return one of the colours, varied a little."""
    colour, change = colours[int(rng.integers(len(colours)))], rng.random(3).tolist()
    return tuple(max(8.0, min(value + spread * (2 * k - 1), 250.0)) for value, k in zip(colour, change))


def shaded(colour: Colour, factor: float) -> Colour:
    """Return a colour darkened or lightened."""
    return tuple(min(value * factor, 255.0) for value in colour)
