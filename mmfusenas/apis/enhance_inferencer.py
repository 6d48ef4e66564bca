"""Brightening and restoring single pictures, and detecting or segmenting in them, from Python."""
from __future__ import annotations

from typing import Any

import numpy as np

from mmfusenas.apis.base_inferencer import BaseInferencer, Picture, name_of
from mmfusenas.datasets.pictures import read_visible, to_colour


class EnhanceInferencer(BaseInferencer):
    """Enhance pictures of one sensor, and detect or segment in them where the model has a detector or a segmentor.

    Arguments and results are those of :class:`BaseInferencer`.

    Example:
        >>> infer = EnhanceInferencer('ruas-lol')  # doctest: +SKIP
        >>> infer('dark.png')['picture'].shape  # doctest: +SKIP
        (400, 600, 3)
    """

    sensors = ('visible',)
    otherwise = 'Use FusionInferencer, or tools/infer.py --visible PATH --infrared PATH.'

    def read(self, picture: Picture) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading.

        Args:
            picture: Path, or array H x W x 3 (BGR) or H x W, of 8 or 16 bit, as ``mmcv.imread`` gives.

        Raises:
            ValueError: If it holds NaN, or is smaller than 3 x 3.
            PictureError: If the file is missing or unreadable.
        """
        path = name_of(picture, 'picture')
        picture = to_colour(picture) if isinstance(picture, np.ndarray) else read_visible(path)
        return dict(img=picture, img_path=path, img_id=0, img_shape=picture.shape[:2], ori_shape=picture.shape[:2])
