"""Loading what guided super-resolution needs: a guide image and a target of any unit."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import ImageError, checked_array, read_array, to_colour, to_grey
from mmfusenas.datasets.pairing import GuidedSample
from mmfusenas.datasets.transforms.degrade_target import resize_bicubic
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadGuidedFromFile(BaseTransform):
    """Load a guide image and the target that it guides: depth, a thermal or a saliency image, or spectral bands.

    Required keys: ``img_path`` (guide) and ``target_path`` (target); optional: ``reference_path``, the target in high
    resolution, where ``target_path`` is what a real sensor gave. Added keys: ``img`` (H x W x 3 BGR, or H x W x 1),
    ``target`` and, for that, ``reference`` (H x W, or H x W x B of several bands), float32 in the unit of the file,
    ``low_range`` (smallest and largest value of the target as it is in its file), ``img_shape`` and ``ori_shape``
    (H, W). A smaller target is brought to the guide's size by bicubic interpolation. Files are images of 8 or 16
    bit or float32, or arrays (``.npy``).

    Args:
        bands: Whether a target of three channels is three bands; otherwise it becomes grey. Defaults to False.
        channels: Of the guide: 3, of a grey file thrice the same, or 1, to which colour is brought. Defaults to 3.
        backend_args: Arguments of mmengine's file backend.

    Raises:
        ImageError: A file is missing, damaged or of another kind, the target holds NaN, is larger than the guide
            or of another shape.
        ValueError: The guide is no image of 8 or 16 bit.

    Example:
        >>> from mmfusenas.datasets.images import write_image
        >>> write_image('rgb.png', np.zeros((16, 24, 3), np.uint8))
        >>> np.save('depth.npy', np.linspace(0.5, 8.0, 24).reshape(4, 6))
        >>> sample = LoadGuidedFromFile()(dict(img_path='rgb.png', target_path='depth.npy'))
        >>> sample['target'].shape, str(sample['target'].dtype), sample['low_range']
        ((16, 24), 'float32', (0.5, 8.0))
    """

    def __init__(self, bands: bool = False, channels: int = 3, backend_args: dict | None = None) -> None:
        if channels not in (1, 3):
            raise InputError(f'LoadGuidedFromFile got channels={channels}; a guide has 3 or 1.')
        self.bands, self.channels = bands, channels
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the images to ``results``."""
        if 'target_path' not in results and 'infrared_path' in results:  # data_prefix with img2, as it was before
            results['target_path'] = results.pop('infrared_path')
        guide = results['img_path']
        results['img'] = as_guide(read_array(guide, self.backend_args), self.channels, guide)
        size = results['img'].shape[:2]
        for key, path in (('target', 'target_path'), ('reference', 'reference_path')):
            if path in results:
                array = read_array(results[path], self.backend_args)
                target = as_target(array, self.bands, size, (results[path], guide))
                if key == 'target':
                    results['low_range'] = float(target.min()), float(target.max())
                results[key] = target if target.shape[:2] == size else resize_bicubic(target, size)
        return GuidedSample(results, img_shape=size, ori_shape=size)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(bands={self.bands}, channels={self.channels}, backend_args={self.backend_args})'


def as_guide(image: np.ndarray, channels: int, name: str) -> np.ndarray:
    """Return a guide as H x W x 3 or, of one channel, H x W x 1; ``name`` is what to call it in a message.

    Raises:
        ValueError: It is no image of 8 or 16 bit.
    """
    image = checked_array(image, name)
    return np.ascontiguousarray(to_colour(image) if channels == 3 else np.atleast_3d(to_grey(image)))


def as_target(target: np.ndarray, bands: bool, size: tuple[int, int], names: tuple[str, str]) -> np.ndarray:
    """Return a target as float32: H x W, or H x W x B where its channels are bands.

    Args:
        target: H x W or H x W x B, of any unit.
        bands: Whether three channels are three bands; otherwise they become grey.
        size: Of the guide, (H, W).
        names: What to call target and guide in a message, usually their paths.

    Raises:
        ImageError: It holds NaN, has neither one nor three channels to make grey of, is larger than the guide, or
            of another shape.
    """
    target, (height, width) = target.astype(np.float32), size
    if target.size == 0:
        raise ImageError(f'The shape of the target {names[0]} is {target.shape}: it has no pixels.')
    if not np.isfinite(target).all():
        raise ImageError(f'The target {names[0]} holds NaN or infinity. Repair or remove the file.')
    if target.ndim not in (2, 3) or (target.ndim == 3 and not bands and target.shape[2] not in (1, 3)):
        raise ImageError(f'The shape of the target {names[0]} is {target.shape}; H x W is wanted'
                         f'{", or H x W x bands" if bands else ""}.')
    rows, columns = target.shape[:2]
    # Where the sides are no multiples of the scale, less than one pixel of the target is missing.
    if rows > height or columns > width or abs(height * columns - width * rows) > max(size):
        raise ImageError(f'The target {names[0]} is {columns} x {rows}, its guide {names[1]} {width} x {height} '
                         '(width x height): the target is of the same view and shape, and not the larger one. Are '
                         'the two exchanged, or is one turned?')
    return target if bands else to_grey(target)
