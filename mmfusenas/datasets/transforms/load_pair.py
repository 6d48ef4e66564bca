"""Loading the images of a sample."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.homography import Homography
from mmfusenas.datasets.images import float_ranges, match_sizes, read_infrared, read_pair, read_visible
from mmfusenas.datasets.pairing import OLD_KEYS, PATHS, Sample
from mmfusenas.datasets.thermal import ThermalScale
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadPairFromFile(BaseTransform):
    """Load the image of a sample, that of a second sensor and the reference, where there are any.

    All keep the depth of their file. Required key: ``img_path`` (visible); optional ones: ``infrared_path`` (infrared),
    ``aligned_path`` (the infrared image in register, where ``infrared_path`` is not) and ``reference_path`` (a clean
    reference). Added keys: ``img`` (H x W x 3 BGR) and, for those, ``infrared``, ``aligned`` (H x W) and ``reference``
    (H x W x 3 BGR), ``img_shape`` and ``ori_shape`` (H, W). Files of 8 and 16 bit and of float32 are read. A grey
    visible file becomes three equal channels, a colour infrared file becomes grey. Where the visible and the infrared
    path are one, the file has four channels, the last of them infrared.

    Args:
        resize: What to do when the images of a sample differ in size: ``None`` is an error that names both,
            ``'visible'`` brings the others to the visible one's size, ``'infrared'`` to the infrared one's. Boxes
            belong to the visible image: with ``'infrared'`` they are scaled along.
        homography: The 3 x 3 matrix of :class:`~mmfusenas.datasets.homography.Homography`, for cameras that are fixed
            to each other: the infrared image is brought into the visible frame. It takes the place of ``resize`` for
            that image, and is part of a checkpoint like ``thermal``. Defaults to None.
        crop_reference: Whether a reference larger than its image loses its border, as much at either side; RESIDE has
            such ones. Defaults to False.
        thermal: How infrared files that hold temperatures or raw counts become images: the arguments of
            :class:`~mmfusenas.datasets.thermal.ThermalScale`, such as ``dict(limits=(273.15, 313.15))``. It is part of
            a checkpoint, and an inferencer does the same. Defaults to None, as the files are.
        backend_args: Arguments of mmengine's file backend.

    Raises:
        ValueError: ``resize`` is another word or names an image that the sample lacks, the sizes differ and it is
            None, or it is ``'infrared'`` and there is a map or a mask, which is not scaled.
        ImageError: A file is missing, empty, damaged or of another depth.

    Example:
        >>> from mmfusenas.datasets.images import write_image
        >>> write_image('vi.png', np.zeros((8, 12, 3), np.uint8))
        >>> write_image('ir.png', np.zeros((4, 6), np.uint16))
        >>> pair = LoadPairFromFile(resize='visible')(dict(img_path='vi.png', infrared_path='ir.png'))
        >>> pair['img'].shape, pair['infrared'].shape, str(pair['infrared'].dtype)
        ((8, 12, 3), (8, 12), 'uint16')
    """

    def __init__(self, resize: str | None = None, homography: Sequence[Sequence[float]] | None = None,
                 crop_reference: bool = False, thermal: dict | None = None, backend_args: dict | None = None) -> None:
        if resize not in (None, 'visible', 'infrared'):
            raise InputError(f"LoadPairFromFile: resize is None, 'visible' or 'infrared', got {resize!r}.")
        if resize == 'infrared' and homography is not None:
            raise InputError("LoadPairFromFile: a homography brings the infrared image to the visible one's size, "
                             "resize='infrared' the other way round; give one of them.")
        self.resize, self.crop_reference = resize, crop_reference
        self.homography = None if homography is None else Homography(homography)
        self.thermal = ThermalScale(**thermal) if thermal else None
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the images to ``results``."""
        results = renamed(results, OLD_KEYS)
        images = self._read_sensors(results)
        size = images['img'].shape[:2]
        for key, read in dict(aligned=read_infrared, reference=read_visible).items():
            path = PATHS[key]
            if path in results:
                image = read(results[path], self.backend_args)
                if key == 'aligned' and self.thermal:
                    image = self.thermal(image)
                if key == 'reference' and self.crop_reference:
                    image = _middle(image, size)
                images[key] = match_sizes(images['img'], image, self.resize and 'visible',
                                          (results['img_path'], results[path]), ways=('visible', ))[1]
        ranges = float_ranges(images)
        if ranges:  # the preprocessor says whether they can be meant, before transforms change them
            results['float_range'] = ranges
        return Sample(results, **images, img_shape=size, ori_shape=size)

    def _read_sensors(self, results: dict) -> dict:
        """Read the images of the sensors, brought to one size; the boxes are scaled along."""
        if 'infrared_path' not in results:
            if self.resize == 'infrared':
                raise InputError(f"LoadPairFromFile: resize='infrared', and {results['img_path']} has no infrared "
                                 "image. Use resize='visible'.")
            return dict(img=read_visible(results['img_path'], self.backend_args))
        paths = results['img_path'], results['infrared_path']
        visible, infrared = read_pair(*paths, self.backend_args)
        if self.thermal:
            infrared = self.thermal(infrared)
        if self.homography:
            infrared = self.homography(visible, infrared)
        before = visible.shape[:2]
        visible, infrared = match_sizes(visible, infrared, self.resize, paths)
        if visible.shape[:2] != before:
            self._scale_boxes(results, before, visible.shape[:2])
        return dict(img=visible, infrared=infrared)

    def _scale_boxes(self, results: dict, old: tuple[int, int], new: tuple[int, int]) -> None:
        """Bring ``height``, ``width`` and the boxes of ``instances`` to the new size."""
        if results.get('seg_map_path') or any('mask' in instance for instance in results.get('instances', [])):
            raise InputError("LoadPairFromFile: resize='infrared' scales no maps and masks, which "
                             f"{results['img_path']} has. Use resize='visible'.")
        y, x = new[0] / old[0], new[1] / old[1]
        results.update(height=new[0], width=new[1])
        for instance in results.get('instances', []):
            x1, y1, x2, y2 = instance['bbox']
            instance['bbox'] = [x1 * x, y1 * y, x2 * x, y2 * y]

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(resize={self.resize!r}, homography={self.homography}, '
                f'crop_reference={self.crop_reference}, thermal={self.thermal}, backend_args={self.backend_args})')


def _middle(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the middle of an image, of ``size`` where it is larger."""
    top, left = (max(0, (have - want) // 2) for have, want in zip(image.shape, size))
    return np.ascontiguousarray(image[top:top + size[0], left:left + size[1]])
