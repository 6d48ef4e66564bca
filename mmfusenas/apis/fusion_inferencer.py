"""Fusing pairs of images, and detecting or segmenting in them, from Python."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmfusenas.apis.base_inferencer import BaseInferencer, Image, image_name
from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import (
    ImageError,
    checked_array,
    image_size,
    match_sizes,
    read_infrared,
    read_pair,
    read_visible,
    to_colour,
    to_grey,
)
from mmfusenas.datasets.pairing import Pair


class FusionInferencer(BaseInferencer):
    """Fuse pairs, and detect or segment in the fused images where the model has a detector or a segmentor.

    The fused image has the size and the colour of the visible input. Of medical pairs the coloured image (PET,
    SPECT) takes the place of the visible one, the MRI that of the infrared. Arguments and results are those of
    :class:`BaseInferencer`.

    Example:
        >>> infer = FusionInferencer('tim-light')
        >>> infer(np.full((61, 83, 3), 90, np.uint8), np.full((61, 83), 60, np.uint8))['image'].shape
        (61, 83, 3)
    """

    sensors = ('visible', 'infrared')
    otherwise = 'Use EnhanceInferencer, or tools/infer.py --input PATH.'

    def read(self, visible: Image, infrared: Image) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading.

        Args:
            visible: Path, or array H x W x 3 (BGR) or H x W, of 8 or 16 bit, as ``mmcv.imread`` gives.
            infrared: Path, or array H x W (or H x W x 3), of 8 or 16 bit.

        Raises:
            ValueError: If the two differ in size (and the test pipeline does not ask to resize), or hold NaN.
            ImageError: If a file is missing or unreadable.
        """
        paths = [image_name(visible, 'visible'), image_name(infrared, 'infrared')]
        if isinstance(visible, np.ndarray) or isinstance(infrared, np.ndarray):
            visible = visible if isinstance(visible, np.ndarray) else read_visible(paths[0])
            infrared = infrared if isinstance(infrared, np.ndarray) else read_infrared(paths[1])
        else:
            visible, infrared = read_pair(*paths)
        visible, infrared = (checked_array(*named) for named in zip((visible, infrared), paths))
        visible, infrared = to_colour(visible), to_grey(infrared)
        if visible.shape[:2] != infrared.shape[:2] and self.resize is None:
            (height, width), (height2, width2) = visible.shape[:2], infrared.shape[:2]
            raise InputError(f'The images of a pair differ in size: {paths[0]} is {width} x {height}, {paths[1]} is '
                             f'{width2} x {height2} (width x height). Register them and bring them to one size first.')
        visible, infrared = match_sizes(visible, infrared, self.resize)
        return dict(img=visible, infrared=infrared, img_path=paths[0], infrared_path=paths[1], img_id=0,
                    img_shape=visible.shape[:2], ori_shape=visible.shape[:2])

    def check(self, pairs: Sequence[Pair], folder: Path) -> None:
        """Also read the headers: both images of a pair are of one size, unless the pipeline resizes them."""
        super().check(pairs, folder)
        if self.resize is not None:
            return
        cases = []
        for pair in pairs:
            try:
                (h, w), (h2, w2) = image_size(pair.visible), image_size(pair.infrared)
            except ImageError:  # named when its turn comes: it costs no other
                continue
            if (h, w) != (h2, w2):
                cases.append(f'{pair.visible} is {w} x {h}, {pair.infrared} is {w2} x {h2}')
        if cases:
            shown = '\n'.join(f'  {case}' for case in cases[:5])
            raise InputError(f'{len(cases)} of {len(pairs)} pairs have images of two sizes (width x height):\n'
                             f'{shown}\nRegister them and bring them to one size first.')
