"""Turns by a multiple of 90 degrees, for training without boxes."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmfusenas.datasets.transforms.random_patch import check_alone
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomQuarterTurn(BaseTransform):
    """Turn an image by 0, 90, 180 or 270 degrees; nothing is interpolated.

    Where a sample has a second image or a reference, it belongs inside :class:`JointTransform`. Images that are to
    be stacked to a batch are square, or are cut to a square before.

    Args:
        prob: Probability of a turn, each of the three alike. Defaults to 0.75, by which all four are equally likely.

    Raises:
        ValueError: The sample has boxes or further images, which this transform would not move.

    Example:
        >>> RandomQuarterTurn(prob=1.0)(dict(img=np.zeros((4, 4, 3), np.uint8)))['img_shape']
        (4, 4)
    """

    def __init__(self, prob: float = 0.75) -> None:
        self.prob = prob

    @cache_randomness
    def _turns(self) -> int:
        return int(np.random.randint(1, 4)) if np.random.random() < self.prob else 0

    def transform(self, results: dict) -> dict:
        """Turn ``img`` and the segmentation maps."""
        check_alone(results, 'RandomQuarterTurn', 'mmdet.RandomFlip')
        turns = self._turns()
        for key in ('img', *results.get('seg_fields', ())):
            results[key] = np.ascontiguousarray(np.rot90(results[key], turns))
        results['img_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'
