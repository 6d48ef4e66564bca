"""Bringing what a poor sensor saw to the resolution of a better one, from Python."""
from __future__ import annotations

from typing import Any

import numpy as np

from mmfusenas.apis.base_inferencer import BaseInferencer, Image, name_of
from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import read_array
from mmfusenas.datasets.transforms.degrade_target import DegradeTarget, resize_bicubic
from mmfusenas.datasets.transforms.load_guided import as_guide, as_target
from mmfusenas.utils.config_parts import type_name


class GuidedSRInferencer(BaseInferencer):
    """Super-resolve targets (depth, thermal images, spectral bands) by guide images of the same view.

    The result has the size of the guide. The target is brought there by bicubic interpolation and scaled as in the
    model's test data: by itself from its smallest to its largest value. Arguments are those of :class:`BaseInferencer`.
    Results have, besides, ``restored``: float32 H x W (x bands), in the unit of the target; ``image`` shows it in
    8 bit.

    Example:
        >>> import json
        >>> model = dict(type='GuidedSR', net=dict(type='GuidedSRNet', genotype='dcnas-tiny-16x', channels=8))
        >>> content = dict(meta=dict(model_cfg=json.dumps(model)), state_dict=MODELS.build(model).state_dict())
        >>> torch.save(content, 'depth.pth')  # a training writes such a file
        >>> infer = GuidedSRInferencer('depth.pth')
        >>> infer(np.random.rand(8, 10), np.zeros((64, 80, 3), np.uint8))['restored'].shape
        (64, 80)
    """

    sensors = ('guide', 'target')
    otherwise = 'Use FusionInferencer or EnhanceInferencer; tools/infer.py --help shows what they take.'

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        steps = getattr(self.model, 'test_pipeline', None) or ()
        options = next((step for step in steps if type_name(step) == 'DegradeTarget'), {})
        self.scaling = DegradeTarget(value_range=options.get('value_range', 'input'))

    def read(self, target: Image, guide: Image) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading.

        Args:
            target: Path (also of a ``.npy`` file), or array H x W or H x W x bands, of any unit.
            guide: Path, or array H x W x 3 (BGR) or H x W, as ``mmcv.imread`` gives.

        Raises:
            ValueError: If the target has other bands than the model, or the guide is no image.
            ImageError: If a file is missing or unreadable, the target holds NaN, is larger than the guide or of
                another shape.
        """
        paths = [name_of(target, 'target'), name_of(guide, 'guide')]
        low, image = (x if isinstance(x, np.ndarray) else read_array(path)
                      for x, path in zip((target, guide), paths))
        bands, colours = self.scene.channels['target'], self.scene.channels['guide']
        image = as_guide(image, colours, paths[1])
        size = image.shape[:2]
        low = np.atleast_3d(as_target(low, bands > 1, size, paths))
        if low.shape[2] != bands:
            raise InputError(f'The target {paths[0]} has {low.shape[2]} channels, the model takes {bands}.')
        up = low if low.shape[:2] == size else resize_bicubic(low, size)
        start, end = self.scaling.range_of(low, up)
        return dict(img=image, target=(up - start) / (end - start), target_range=(start, end), img_path=paths[1],
                    target_path=paths[0], img_shape=size)
