"""Bringing what a poor sensor saw to the resolution of a better one, from Python."""
from __future__ import annotations

from typing import Any

import numpy as np

from mmfusenas.apis.base_inferencer import BaseInferencer, Picture, name_of
from mmfusenas.datasets.pictures import to_grey
from mmfusenas.datasets.transforms.degrade_target import DegradeTarget, resize_bicubic
from mmfusenas.datasets.transforms.load_guided import read_array
from mmfusenas.utils.config_parts import type_name


class GuidedSRInferencer(BaseInferencer):
    """Super-resolve targets (depth, thermal pictures, spectral bands) by guidance pictures of the same view.

    The result has the size of the guidance. The target is brought there by bicubic interpolation and scaled as in the
    model's test data: by itself from its smallest to its largest value. Arguments are those of :class:`BaseInferencer`.
    Results have, besides, ``restored``: float32 H x W (x bands), in the unit of the target; ``picture`` shows it in
    8 bit.

    Example:
        >>> infer = GuidedSRInferencer('work_dirs/depth_x8/epoch_400.pth')  # doctest: +SKIP
        >>> infer('depth_low.png', 'colour.png')['restored'].shape  # doctest: +SKIP
        (480, 640)
    """

    sensors = ('guidance', 'target')
    otherwise = 'Use FusionInferencer or EnhanceInferencer; tools/infer.py --help shows what they take.'

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        steps = getattr(self.model, 'test_pipeline', None) or ()
        options = next((step for step in steps if type_name(step) == 'DegradeTarget'), {})
        self.scaling = DegradeTarget(value_range=options.get('value_range', 'input'))

    def read(self, target: Picture, guidance: Picture) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading.

        Args:
            target: Path (also of a ``.npy`` file), or array H x W or H x W x bands, of any unit.
            guidance: Path, or array H x W x 3 (BGR) or H x W, as ``mmcv.imread`` gives.

        Raises:
            ValueError: If the target holds NaN, has other bands than the model, or is larger than the guidance.
            PictureError: If a file is missing or unreadable.
        """
        paths = [name_of(target, 'target'), name_of(guidance, 'guidance')]
        low, picture = (x if isinstance(x, np.ndarray) else read_array(path)
                        for x, path in zip((target, guidance), paths))
        bands, colours = self.scene.channels['target'], self.scene.channels['guidance']
        low = np.atleast_3d(to_grey(low) if bands == 1 else low).astype(np.float32)
        picture = np.atleast_3d(to_grey(picture) if colours == 1 else picture)
        if picture.shape[2] == 1 < colours:
            picture = np.repeat(picture, colours, 2)
        for what, path, array, channels in (('target', paths[0], low, bands), ('guidance', paths[1], picture, colours)):
            if array.shape[2] != channels:
                raise ValueError(f'The {what} {path} has {array.shape[2]} channels, the model takes {channels}.')
        if not np.isfinite(low).all() or any(a > b for a, b in zip(low.shape, picture.shape[:2])):
            raise ValueError(f'The target {paths[0]} is {low.shape[1]} x {low.shape[0]}, the guidance {paths[1]} '
                             f'{picture.shape[1]} x {picture.shape[0]} (width x height): the target is the smaller '
                             'one, and has no NaN or infinity. Are the two exchanged?')
        size = picture.shape[:2]
        up = low if low.shape[:2] == size else resize_bicubic(low, size)
        start, end = self.scaling.range_of(low, up)
        return dict(img=picture, img2=(up - start) / (end - start), target_range=(start, end), img_path=paths[0],
                    img_path2=paths[0], img_shape=size)
