"""A crop in which an object has about the size of an anchor."""
from __future__ import annotations

from collections.abc import Sequence

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmfusenas.core.errors import InputError
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AnchorSamplingCrop(BaseTransform):
    """Scale an image so that one of its objects has about the size of a drawn anchor, and cut a square round it.

    Data-anchor-sampling (PyramidBox, Tang et al., ECCV 2018, section 3.3): of an object of size s = sqrt(w h) and the
    anchor nearest to it, number i, an anchor is drawn from the first to number i + 1, and a size between half and twice
    that anchor; the image is scaled by that size over s. So small objects become more, and large ones are seen small.

    A ``size`` x ``size`` window that holds the object, or lies within one that is larger, is cut at a random place;
    what lies outside the image is 0. Boxes are moved, and left whole at the border: :class:`ClipBoxes` follows. An
    image without boxes is cut at its own scale.

    Required keys: ``img``, ``gt_bboxes`` (mmdet's ``HorizontalBoxes``). Changed: both, ``img_shape`` and
    ``scale_factor``. Where a sample has a second image, it belongs inside :class:`JointTransform`.

    Args:
        size: Side of the square in pixels. Defaults to 640.
        anchors: Sides of the anchors in pixels, rising. Defaults to (8, 16, 32, 64, 128, 256), of RUAS's detector.

    Raises:
        ValueError: If ``size`` is below 1, or the anchors do not rise from above 0.

    Example:
        >>> from mmdet.structures.bbox import HorizontalBoxes
        >>> sample = dict(img=np.zeros((90, 120, 3), np.uint8), gt_bboxes=HorizontalBoxes([[50.0, 40, 82, 72]]))
        >>> sample = AnchorSamplingCrop(size=64, anchors=(8, 16))(sample)
        >>> sample['img'].shape, bool(4 <= sample['gt_bboxes'].widths[0] <= 32)
        ((64, 64, 3), True)
    """

    def __init__(self, size: int = 640, anchors: Sequence[float] = (8, 16, 32, 64, 128, 256)) -> None:
        if size < 1 or not anchors or min(anchors) <= 0 or list(anchors) != sorted(anchors):
            raise InputError(f'AnchorSamplingCrop got size={size} and anchors={tuple(anchors)}: a side of at least one '
                             'pixel, and rising sides above 0.')
        self.size, self.anchors = size, tuple(anchors)

    def transform(self, results: dict) -> dict:
        """Scale, cut and move."""
        boxes = results['gt_bboxes'].clone()
        count = len(boxes)
        index, scale = self._scale(boxes.areas.sqrt().numpy()) if count else (None, 1.0)
        height, width = results['img'].shape[:2]
        image = mmcv.imresize(results['img'], (max(round(width * scale), 1), max(round(height * scale), 1)))
        # What rounding to whole pixels made of the scale.
        factors = image.shape[1] / width, image.shape[0] / height
        boxes.rescale_(factors)
        box = boxes.tensor[index].tolist() if count else [0, 0, image.shape[1], image.shape[0]]
        left, top = (self._start(box[axis], box[axis + 2], length)
                     for axis, length in enumerate((image.shape[1], image.shape[0])))
        boxes.translate_((-left, -top))
        results.update(img=self._cut(image, left, top), gt_bboxes=boxes, img_shape=(self.size, self.size),
                       scale_factor=factors)
        return results

    @cache_randomness
    def _scale(self, sizes: np.ndarray) -> tuple[int, float]:
        # An object with an area, and the scale that its anchor asks for. A docstring here would end Sphinx.
        index = int(np.random.choice(np.flatnonzero(sizes > 0))) if (sizes > 0).any() else 0
        size = max(float(sizes[index]), 1.0)
        nearest = int(np.abs(np.log(np.array(self.anchors) / size)).argmin())
        anchor = self.anchors[np.random.randint(min(nearest + 1, len(self.anchors) - 1) + 1)]
        return index, anchor * np.random.uniform(0.5, 2.0) / size

    @cache_randomness
    def _start(self, low: float, high: float, length: int) -> int:
        # Where the window begins along a side, such that the object is in it and, if it may be, no border.
        first, last = sorted((int(np.ceil(high)) - self.size, int(np.floor(low))))
        inside = sorted((0, length - self.size))  # starts that keep the window in the image, or the image in the window
        first, last = max(first, min(inside[0], last)), min(last, max(inside[1], first))
        return int(np.random.randint(first, max(first, last) + 1))

    def _cut(self, image: np.ndarray, left: int, top: int) -> np.ndarray:
        """Return the window, with 0 outside the image."""
        window = np.zeros((self.size, self.size, *image.shape[2:]), image.dtype)
        height, width = image.shape[:2]
        rows = slice(max(top, 0), min(top + self.size, height))
        columns = slice(max(left, 0), min(left + self.size, width))
        window[rows.start - top:rows.stop - top, columns.start - left:columns.stop - left] = image[rows, columns]
        return window

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, anchors={self.anchors})'
