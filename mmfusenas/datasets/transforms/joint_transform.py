"""Geometric transforms of all images of a sample together."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.images import to_colour
from mmfusenas.datasets.pairing import OLD_KEYS, PATHS
from mmfusenas.registry import TRANSFORMS
from mmfusenas.utils.random_state import get_random_state, set_random_state


@TRANSFORMS.register_module()
class JointTransform(BaseTransform):
    """Run stock geometric transforms on all images of a sample and the boxes at once.

    ``img`` and, where there is one, ``infrared`` are stacked along the channels to one image, the transforms run
    untouched on it as ``img``, and it is split again, so that they cannot move apart. Any transform of mmcv or mmdet
    serves that does not ask how many channels there are: RandomFlip, Resize, RandomResize, RandomCrop, Rotate,
    RandomAffine, RandomShift, Pad, ... What stands outside, such as PhotoMetricDistortion, sees the visible image
    alone.

    A reference ``reference``, and ``aligned``, go through the same transforms once more, with the same random numbers:
    the reference gets the fill colours of the image, and OpenCV's warps, which end at four channels, serve too.

    Images of different depth are stacked in the wider one and come back in their own, so flips and crops are
    exact. Fill colours of three numbers (Rotate, RandomAffine) leave the infrared border at 0, and they count in
    units of each image's own depth.

    Args:
        transforms: Transforms, as in a pipeline. Names are looked up under mmfusenas and mmcv; mmdet's begin with
            ``mmdet.``, and only those move mmdet's boxes.

    Returns:
        The results, or None where a transform gave up the sample (a crop without a box).

    Raises:
        ValueError: The images differ in size, the sample has a kernel or a field already, a transform cannot do with
            their channels, or it moves a reference otherwise than its image.

    Example:
        >>> flip = JointTransform([dict(type='RandomFlip', prob=1.0)])
        >>> pair = flip(dict(img=np.zeros((4, 6, 3), np.uint8), infrared=np.eye(4, 6, dtype=np.uint16)))
        >>> pair['infrared'][0].tolist(), pair['img'].shape, str(pair['infrared'].dtype)
        ([0, 0, 0, 0, 0, 1], (4, 6, 3), 'uint16')
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        self.transforms = Compose(transforms)

    def transform(self, results: dict) -> dict | None:
        """Stack, transform, split; then the reference."""
        results = renamed(results, OLD_KEYS)
        fixed = {'kernel', 'flow'} & set(results)
        if fixed:
            raise InputError(f'JointTransform does not move {" and ".join(sorted(fixed))} of a sample; put it in '
                             'front of the step that adds that.')
        images = {key: results[key] for key in PATHS if key in results}
        _check_sizes(images, results.get('img_path'))
        others = {key: value for key, value in results.items() if key not in PATHS}
        references = {key: images.pop(key) for key in ('aligned', 'reference') if key in images}
        # Transforms change what they are given, so the second run needs its own copy.
        again = (get_random_state(), deepcopy(others)) if references else ()
        stacked = self._run({**others, 'img': np.concatenate([np.atleast_3d(x) for x in images.values()], axis=2)})
        if stacked is None:
            return None
        stacked.update(_split(stacked['img'], images))
        stacked.update({key: self._repeat(image, stacked['img'], *again) for key, image in references.items()})
        return type(results)(stacked)

    def _repeat(self, reference: np.ndarray, image: np.ndarray, state: dict, others: dict) -> np.ndarray:
        """Run the transforms on the reference with the random numbers that the image had."""
        set_random_state(state)
        pixels = to_colour(reference) if reference.ndim == 2 else reference
        done = self._run({**deepcopy(others), 'img': pixels.copy()})
        if done is None or done['img'].shape[:2] != image.shape[:2]:
            made = None if done is None else done['img'].shape
            raise InputError(
                f'A transform inside JointTransform made {image.shape} of the image {others.get("img_path")} and '
                f'{made} of its reference: it draws from a generator of its own, or looks at the pixels. In: {self}')
        return _restore(done['img'], reference)

    def _run(self, stacked: dict) -> dict | None:
        """Run the transforms, and explain those that ask for three channels."""
        shape = stacked['img'].shape
        try:
            done = self.transforms(stacked)
        except (AssertionError, ValueError, cv2.error) as error:
            hint = '' if shape[2] == 3 else (
                '\nThose with a fill colour of three numbers (ShearX, TranslateX, Expand, CutOut) cannot do with '
                f'{shape[2]} channels; RandomAffine and RandomShift can.')
            raise InputError(
                f'A transform inside JointTransform failed on the stacked image {shape} of '
                f'{stacked.get("img_path")}: {error}{hint} In: {self}'
            ) from error
        if done is not None and done['img'].shape[2:] != shape[2:]:
            raise InputError(
                f'A transform inside JointTransform made {done["img"].shape} of the stacked image {shape}; use it '
                f'outside, where it sees the visible image alone. In: {self}'
            )
        return done

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.transforms})'


def _check_sizes(images: Mapping[str, np.ndarray], path: str | None) -> None:
    if len({image.shape[:2] for image in images.values()}) > 1:
        shapes = ' and '.join(f'{key} {image.shape}' for key, image in images.items())
        raise InputError(f'JointTransform needs images of one size, got {shapes}; img_path={path}. Set resize in '
                         'LoadPairFromFile.')


def _split(stacked: np.ndarray, images: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Take the stacked image apart again."""
    ends = np.cumsum([np.atleast_3d(image).shape[2] for image in images.values()])
    parts = np.split(stacked, ends[:-1], axis=2)
    return {key: _restore(part, image) for (key, image), part in zip(images.items(), parts)}


def _restore(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return ``image`` with the depth and the number of axes of ``like``."""
    if image.dtype != like.dtype and np.issubdtype(like.dtype, np.integer):
        # Interpolation may overshoot the narrower depth.
        limits = np.iinfo(like.dtype)
        image = np.clip(np.rint(image), limits.min, limits.max)
    image = image[..., 0] if like.ndim == 2 else image
    return np.ascontiguousarray(image, dtype=like.dtype)
