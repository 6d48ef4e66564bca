"""Little light for images that were taken in enough of it."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.transforms.degrading import get_generator, require_8_bit
from mmfusenas.registry import TRANSFORMS
from mmfusenas.scenes.drawing import darken


@TRANSFORMS.register_module()
class Darken(BaseTransform):
    """Make a dark and noisy image of a good one, which becomes its reference.

    As :func:`~mmfusenas.scenes.drawing.darken` does it for the built-in scenes: less light in linear light, shot and
    read noise, 8 bit. Required key: ``img`` (H x W x 3 uint8). Changed: ``img``; added: ``reference``.

    Args:
        exposure: Least and largest share of the light that is left; its square root is drawn uniformly. Defaults to
            (0.005, 0.05), of LOL's grey levels.
        noise: Least and largest standard deviation of the shot noise in grey levels. Defaults to (1.0, 5.0).
        seed: Seed of every image, with its ``img_id``, for tests; None takes the global generator. Defaults to None.

    Raises:
        ValueError: Ranges that are none, or an image of another depth.

    Example:
        >>> sample = Darken(seed=0)(dict(img=np.full((4, 6, 3), 200, np.uint8), img_id=0))
        >>> float(sample['img'].mean()) < 60, float(sample['reference'].mean())
        (True, 200.0)
    """

    def __init__(self, exposure: tuple[float, float] = (0.005, 0.05), noise: tuple[float, float] = (1.0, 5.0),
                 seed: int | None = None) -> None:
        if not 0 < exposure[0] <= exposure[1] <= 1 or not 0 <= noise[0] <= noise[1]:
            raise InputError(f'Darken got exposure={exposure} and noise={noise}: both are (low, high), above 0 up to '
                             '1, and of at least 0.')
        self.exposure, self.noise, self.seed = tuple(exposure), tuple(noise), seed

    def transform(self, results: dict) -> dict:
        """Darken ``img``."""
        require_8_bit(results, 'Darken')
        rng = get_generator(results, self.seed)
        root = rng.uniform(*np.sqrt(self.exposure))
        results['reference'] = results['img']
        results['img'] = darken(results['reference'], root * root, rng.uniform(*self.noise), rng)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(exposure={self.exposure}, noise={self.noise}, seed={self.seed})'
