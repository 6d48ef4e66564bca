"""Common functions of the transforms that degrade images."""
from __future__ import annotations

import numpy as np

from mmfusenas.core.errors import InputError


def require_8_bit(results: dict, transform: str) -> None:
    """Raise a ValueError where ``img`` is of another depth, whose grey levels a transform would cut off."""
    if results['img'].dtype != np.uint8:
        raise InputError(f'{transform} takes images of 8 bit; {results.get("img_path", "this one")} is '
                         f'{results["img"].dtype}.')


def get_generator(results: dict, seed: int | None) -> np.random.Generator:
    """Return a generator: of the seed and the image's number, or drawn from the global one, which the loops seed."""
    if seed is None:
        return np.random.default_rng(np.random.randint(2**31, size=4))
    return np.random.default_rng([seed, results.get('img_id', 0)])
