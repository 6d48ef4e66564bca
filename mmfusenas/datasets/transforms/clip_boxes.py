"""Boxes at the border of an image that was cropped or moved."""
from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClipBoxes(BaseTransform):
    """Clip boxes to the image, and leave out those of which little is left.

    It follows transforms of mmdet that move boxes and leave them as they are at the border (``bbox_clip_border=False``
    or ``clip_border=False``): of a box that they have clipped, nobody knows how large it was.

    Required keys: ``img``, ``gt_bboxes`` (mmdet's ``HorizontalBoxes``), ``gt_bboxes_labels``, ``gt_ignore_flags``. The
    last three are changed.

    Args:
        min_visibility: Least share of a box's area inside the image, in [0, 1]. Boxes with less, and those without
            area inside, are left out.

    Raises:
        ValueError: ``min_visibility`` is no share.

    Example:
        >>> import numpy as np
        >>> from mmdet.structures.bbox import HorizontalBoxes
        >>> boxes = HorizontalBoxes([[-9., 0., 1., 10.], [-5., 0., 5., 10.]])
        >>> results = dict(img=np.zeros((20, 20, 3)), gt_bboxes=boxes, gt_bboxes_labels=np.array([0, 1]),
        ...                gt_ignore_flags=np.array([False, False]))
        >>> ClipBoxes(min_visibility=0.25)(results)['gt_bboxes'].tensor.tolist()
        [[0.0, 0.0, 5.0, 10.0]]
    """

    def __init__(self, min_visibility: float = 0.25) -> None:
        if not 0 <= min_visibility <= 1:
            raise InputError(f'ClipBoxes got min_visibility={min_visibility}; it is a share of the area, 0 to 1.')
        self.min_visibility = min_visibility

    def transform(self, results: dict) -> dict:
        """Clip and leave out."""
        whole = results['gt_bboxes']
        clipped = whole.clone()
        clipped.clip_(results['img'].shape[:2])
        left = (clipped.areas > 0) & (clipped.areas >= self.min_visibility * whole.areas)
        results['gt_bboxes'] = clipped[left]
        for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
            results[key] = results[key][left.numpy()]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(min_visibility={self.min_visibility})'
