"""Loading the segmentation map of a pair."""
from __future__ import annotations

import io

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from PIL import Image, UnidentifiedImageError

from mmfusenas.datasets.images import ImageError, check_pixels
from mmfusenas.registry import TRANSFORMS

IGNORED = 255
"""Number of the pixels that nothing is learned from and that no score counts."""


@TRANSFORMS.register_module()
class LoadSegMap(BaseTransform):
    """Load a map of class numbers, as mmseg's ``LoadAnnotations`` does, from grey, palette and grey-as-colour files.

    Required key: ``seg_map_path``; ``reduce_zero_label`` (0 is ignored, the others count from 0) and then ``label_map``
    (number to class number) are applied where the data set gives them, and ``num_classes`` is compared with. Added
    keys: ``gt_seg_map`` (H x W uint8, 255 is ignored), ``seg_fields``.

    Args:
        backend_args: Arguments of mmengine's file backend.

    Raises:
        ImageError: The file is missing, damaged, or holds colours instead of numbers, or numbers of no class.

    Example:
        >>> Image.fromarray(np.array([[0, 1, 2]], np.uint8)).save('map.png')
        >>> LoadSegMap()(dict(seg_map_path='map.png', reduce_zero_label=True))['gt_seg_map'].tolist()
        [[255, 0, 1]]
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map``."""
        numbers = self._read(results['seg_map_path'])
        classes = numbers.copy()
        if results.get('reduce_zero_label'):
            classes = np.where(numbers == 0, IGNORED, numbers - 1).astype(np.uint8)
            classes[numbers == IGNORED] = IGNORED
        reduced = classes.copy()
        for number, label in (results.get('label_map') or {}).items():
            classes[reduced == number] = label
        number = results.get('num_classes') or IGNORED
        unknown = np.unique(classes[(classes >= number) & (classes != IGNORED)]).tolist()
        if unknown:
            raise ImageError(f'The segmentation map {results["seg_map_path"]} holds the numbers {unknown}, and there '
                             f'are {number} classes, counted from 0. Name all classes, or set label_map in the data '
                             f'set, with {IGNORED} for what is ignored.')
        results['gt_seg_map'] = classes
        results['seg_fields'] = ['gt_seg_map']
        return results

    def _read(self, path: str) -> np.ndarray:
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            check_pixels(content, path)
            with Image.open(io.BytesIO(content)) as image:
                numbers = np.array(image)
        except (OSError, UnidentifiedImageError) as error:
            raise ImageError(f'The segmentation map {path} cannot be read ({error}). Copy it again from its source.'
                             ) from error
        if numbers.ndim == 3 and (numbers == numbers[..., :1]).all():
            numbers = numbers[..., 0]
        if numbers.ndim != 2 or numbers.max() > IGNORED:
            found = 'colours' if numbers.ndim == 3 else f'numbers up to {numbers.max()}'
            raise ImageError(
                f'The segmentation map {path} holds {found}; a map is one class number a pixel, 8 bit.')
        return numbers.astype(np.uint8)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'
