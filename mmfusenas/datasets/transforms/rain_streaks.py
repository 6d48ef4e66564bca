"""Rain for images that were taken in dry weather."""
from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.pairing import OLD_KEYS
from mmfusenas.datasets.transforms.degrading import get_generator, require_8_bit
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RainStreaks(BaseTransform):
    """Add streaks of rain to a good image, which becomes the reference: y = x + r, cut off at white.

    As rain is drawn since Garg and Nayar: thinned noise, smeared along one direction. Required key: ``img`` (uint8).
    Changed: ``img``; added: ``reference``. The image of a second
    sensor is dropped.

    Args:
        amount: Least and largest share of the pixels at which a streak begins. Defaults to (0.002, 0.01).
        length: Least and largest length of the streaks in pixels. Defaults to (9, 25).
        slant: Largest angle to the vertical in degrees. Defaults to 30.
        strength: Least and largest grey level of a streak. Defaults to (60, 160).
        seed: Seed of every image, with its ``img_id``, for tests; None takes the global generator. Defaults to None.

    Raises:
        ValueError: Ranges that are none, or an image of another depth.

    Example:
        >>> sample = RainStreaks(seed=0)(dict(img=np.full((64, 64, 3), 100, np.uint8), img_id=0))
        >>> sample['img'].min().item() >= 100, sample['img'].max().item() > 100
        (True, True)
    """

    def __init__(self, amount: tuple[float, float] = (0.002, 0.01), length: tuple[int, int] = (9, 25),
                 slant: float = 30.0, strength: tuple[float, float] = (60.0, 160.0), seed: int | None = None) -> None:
        ranges = dict(amount=amount, length=length, strength=strength)
        if not all(0 <= low <= high for low, high in ranges.values()) or amount[1] > 1 or length[0] < 1 or slant < 0:
            raise InputError(f'RainStreaks got {ranges} and slant={slant}: each is (low, high) of at least 0, a share '
                             'up to 1, a length of at least 1; slant is an angle of at least 0.')
        self.amount, self.length, self.slant = tuple(amount), tuple(length), slant
        self.strength, self.seed = tuple(strength), seed

    def transform(self, results: dict) -> dict:
        """Let it rain on ``img``."""
        results = renamed(results, OLD_KEYS)
        require_8_bit(results, 'RainStreaks')
        rng = get_generator(results, self.seed)
        streaks = self._streaks(results['img'].shape[:2], rng)
        results.pop('infrared', None)
        results['reference'] = results['img']
        results['img'] = np.rint(results['reference'] + streaks[..., None]).clip(0, 255).astype(np.uint8)
        return results

    def _streaks(self, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """Return a map H x W of grey levels."""
        length = int(rng.integers(self.length[0], self.length[1] + 1)) | 1
        drops = (rng.random(shape) < rng.uniform(*self.amount)) * rng.uniform(*self.strength, shape)
        line = np.zeros((length, length), np.float32)
        reach = np.tan(np.deg2rad(rng.uniform(-self.slant, self.slant))) * (length - 1) / 2
        middle = (length - 1) / 2
        ends = [(round(middle + sign * reach), round(middle + sign * middle)) for sign in (-1, 1)]
        cv2.line(line, *ends, 1.0, 1, cv2.LINE_AA)
        return cv2.filter2D(drops.astype(np.float32), -1, line / line.max(), borderType=cv2.BORDER_CONSTANT)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(amount={self.amount}, length={self.length}, slant={self.slant}, '
                f'strength={self.strength}, seed={self.seed})')
