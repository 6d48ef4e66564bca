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
        power: Least and largest power of the grey levels, in [0, 1], before that, at least 1: more of it leaves what is
            bright and darkens the rest, as where there are lamps. Defaults to (1.0, 1.0), none.
        seed: Seed of every image, with its ``img_id``, for tests; None takes the global generator. Defaults to None.

    Raises:
        ValueError: Ranges that are none, or an image of another depth.

    Example:
        >>> sample = Darken(seed=0)(dict(img=np.full((4, 6, 3), 200, np.uint8), img_id=0))
        >>> float(sample['img'].mean()) < 60, float(sample['reference'].mean())
        (True, 200.0)
    """

    def __init__(self, exposure: tuple[float, float] = (0.005, 0.05), noise: tuple[float, float] = (1.0, 5.0),
                 seed: int | None = None, power: tuple[float, float] = (1.0, 1.0)) -> None:
        if not 0 < exposure[0] <= exposure[1] <= 1 or not 0 <= noise[0] <= noise[1] or not 1 <= power[0] <= power[1]:
            raise InputError(f'Darken got exposure={exposure}, noise={noise} and power={power}: each is (low, high), '
                             'above 0 up to 1, of at least 0, and of at least 1.')
        self.exposure, self.noise, self.power, self.seed = tuple(exposure), tuple(noise), tuple(power), seed

    def transform(self, results: dict) -> dict:
        """Darken ``img``."""
        require_8_bit(results, 'Darken')
        rng = get_generator(results, self.seed)
        root = rng.uniform(*np.sqrt(self.exposure))
        results['reference'] = results['img']
        noise = rng.uniform(*self.noise)
        results['img'] = darken(self._raised(results['reference'], rng), root * root, noise, rng)
        return results

    def _raised(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return an image, H x W x 3 uint8, to a power, of which nothing is drawn where there is none."""
        if self.power == (1, 1):
            return image
        levels = 255 * np.linspace(0, 1, 256) ** rng.uniform(*self.power)
        return levels.astype(np.float32)[image]

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(exposure={self.exposure}, noise={self.noise}, power={self.power}, '
                f'seed={self.seed})')
