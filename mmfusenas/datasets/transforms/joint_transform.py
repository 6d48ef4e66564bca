"""Geometric transforms of both pictures of a pair together."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class JointTransform(BaseTransform):
    """Run stock geometric transforms on both pictures and the boxes at once.

    ``img`` and ``img2`` are stacked along the channels to one picture, the transforms run untouched on it as ``img``,
    and it is split again, so that they cannot move apart. Any transform of mmcv or mmdet serves that does not ask how
    many channels there are: RandomFlip, Resize, RandomResize, RandomCrop, Rotate, RandomAffine, RandomShift, Pad, ...
    What stands outside, such as PhotoMetricDistortion, sees the visible picture alone.

    Pictures of different depth are stacked in the wider one and come back in their own, so flips and crops are
    exact. Fill colours of three numbers (Rotate, RandomAffine) leave the infrared border at 0, and they count in
    units of each picture's own depth.

    Args:
        transforms: Transforms, as in a pipeline. Names are looked up under mmfusenas and mmcv; mmdet's begin with
            ``mmdet.``, and only those move mmdet's boxes.

    Returns:
        The results, or None where a transform gave up the sample (a crop without a box).

    Raises:
        ValueError: The two pictures differ in size, or a transform cannot do with their channels.

    Example:
        >>> flip = JointTransform([dict(type='RandomFlip', prob=1.0)])
        >>> pair = flip(dict(img=np.zeros((4, 6, 3), np.uint8), img2=np.eye(4, 6, dtype=np.uint16)))
        >>> pair['img2'][0].tolist(), pair['img'].shape, str(pair['img2'].dtype)
        ([0, 0, 0, 0, 0, 1], (4, 6, 3), 'uint16')
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        self.transforms = Compose(transforms)

    def transform(self, results: dict) -> dict | None:
        """Stack, transform, split."""
        visible, infrared = results['img'], results['img2']
        if visible.shape[:2] != infrared.shape[:2]:
            raise ValueError(
                f'JointTransform needs pictures of one size, got img {visible.shape} and img2 {infrared.shape}; '
                f'img_path={results.get("img_path")}. Set resize in LoadPairFromFile.'
            )
        parts = [np.atleast_3d(visible), np.atleast_3d(infrared)]
        stacked = self._run({**results, 'img': np.concatenate(parts, axis=2)})
        if stacked is None:
            return None
        split = parts[0].shape[2]
        stacked['img'], stacked['img2'] = (
            _restore(stacked['img'][..., :split], visible),
            _restore(stacked['img'][..., split:], infrared),
        )
        return stacked

    def _run(self, stacked: dict) -> dict | None:
        """Run the transforms, and explain those that ask for three channels."""
        shape = stacked['img'].shape
        try:
            done = self.transforms(stacked)
        except (AssertionError, ValueError, cv2.error) as error:
            raise ValueError(
                f'A transform inside JointTransform failed on the stacked picture {shape} of '
                f'{stacked.get("img_path")}: {error}\nThose with a fill colour of three numbers (ShearX, TranslateX, '
                f'Expand, CutOut) cannot do with {shape[2]} channels; RandomAffine and RandomShift can. In: {self}'
            ) from error
        if done is not None and done['img'].shape[2:] != shape[2:]:
            raise ValueError(
                f'A transform inside JointTransform made {done["img"].shape} of the stacked picture {shape}; use it '
                f'outside, where it sees the visible picture alone. In: {self}'
            )
        return done

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.transforms})'


def _restore(picture: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return ``picture`` with the depth and the number of axes of ``like``."""
    if picture.dtype != like.dtype and np.issubdtype(like.dtype, np.integer):
        # Interpolation may overshoot the narrower depth.
        limits = np.iinfo(like.dtype)
        picture = np.clip(np.rint(picture), limits.min, limits.max)
    picture = picture[..., 0] if like.ndim == 2 else picture
    return np.ascontiguousarray(picture, dtype=like.dtype)
