"""A random patch, for training without boxes."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.pairing import OLD_KEYS, PATHS
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomPatch(BaseTransform):
    """Cut a patch at a random place; mmcv has no random crop, and mmdet's serves where there are boxes.

    An image smaller than the patch is cut only along the side that is long enough. Where a sample has a second
    image or a reference, it belongs inside :class:`JointTransform`, so that all are cut at one place.

    Args:
        size: Height and width of the patch in pixels.

    Raises:
        ValueError: The sample has boxes, or images beside ``img``, which this transform would not move.

    Example:
        >>> RandomPatch((2, 3))(dict(img=np.zeros((4, 6, 4), np.uint8)))['img_shape']
        (2, 3)
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = tuple(size)

    @cache_randomness
    def _place(self, room: tuple[int, int]) -> tuple[int, int]:
        return np.random.randint(room[0] + 1), np.random.randint(room[1] + 1)

    def transform(self, results: dict) -> dict:
        """Cut ``img`` and the segmentation maps."""
        check_alone(results, 'RandomPatch', 'mmdet.RandomCrop')
        h, w = (min(side, length) for side, length in zip(self.size, results['img'].shape))
        top, left = self._place((results['img'].shape[0] - h, results['img'].shape[1] - w))
        for key in ('img', *results.get('seg_fields', ())):
            results[key] = results[key][top:top + h, left:left + w]
        results['img_shape'] = (h, w)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size})'


def check_alone(results: dict, transform: str, with_boxes: str) -> None:
    """Raise a ValueError where a transform of ``img`` alone would leave boxes or further images behind."""
    if 'gt_bboxes' in results:
        raise InputError(f'{transform} does not move boxes; use {with_boxes} inside JointTransform.')
    if any(key in renamed(results, OLD_KEYS) for key in PATHS if key != 'img'):
        raise InputError(f'{transform} moves img alone, and the sample has further images; put it inside '
                         'JointTransform.')
