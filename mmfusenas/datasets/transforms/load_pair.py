"""Loading a picture pair."""
from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmfusenas.datasets.pictures import match_sizes, read_pair
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadPairFromFile(BaseTransform):
    """Load the visible and the infrared picture of a pair; both keep the depth of their file.

    Required keys: ``img_path`` (visible), ``img_path2`` (infrared). Added keys: ``img`` (H x W x 3 BGR), ``img2``
    (H x W), ``img_shape`` and ``ori_shape`` (H, W). Files of 8 and 16 bit and of float32 are read. A grey visible
    file becomes three equal channels, a colour infrared file becomes grey. Where both paths are one, the file has four
    channels, the last of them infrared.

    Args:
        resize: What to do when the two differ in size: ``None`` is an error that names both, ``'visible'`` brings the
            infrared picture to the visible one's size, ``'infrared'`` the other way round. Boxes belong to the
            visible picture: with ``'infrared'`` they are scaled along.
        backend_args: Arguments of mmengine's file backend.

    Raises:
        ValueError: ``resize`` is another word, or the sizes differ and it is None.
        PictureError: A file is missing, empty, damaged or of another depth.

    Example:
        >>> load = LoadPairFromFile(resize='visible')
        >>> results = load(dict(img_path='vi/1.png', img_path2='ir/1.png'))  # doctest: +SKIP
    """

    def __init__(self, resize: str | None = None, backend_args: dict | None = None) -> None:
        if resize not in (None, 'visible', 'infrared'):
            raise ValueError(f"LoadPairFromFile: resize is None, 'visible' or 'infrared', got {resize!r}.")
        self.resize = resize
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add both pictures to ``results``."""
        paths = results['img_path'], results['img_path2']
        visible, infrared = read_pair(*paths, self.backend_args)
        before = visible.shape[:2]
        visible, infrared = match_sizes(visible, infrared, self.resize, paths)
        if visible.shape[:2] != before:
            self._scale_boxes(results, before, visible.shape[:2])
        results.update(img=visible, img2=infrared, img_shape=visible.shape[:2], ori_shape=visible.shape[:2])
        return results

    def _scale_boxes(self, results: dict, old: tuple[int, int], new: tuple[int, int]) -> None:
        """Bring ``height``, ``width`` and the boxes of ``instances`` to the new size."""
        y, x = new[0] / old[0], new[1] / old[1]
        results.update(height=new[0], width=new[1])
        for instance in results.get('instances', []):
            x1, y1, x2, y2 = instance['bbox']
            instance['bbox'] = [x1 * x, y1 * y, x2 * x, y2 * y]

    def __repr__(self) -> str:
        return f'{type(self).__name__}(resize={self.resize!r}, backend_args={self.backend_args})'
