"""Guided super-resolution from Python: a low-resolution target with a high-resolution guide."""
from __future__ import annotations

from typing import Any

import numpy as np

from mmfusenas.apis.arguments import Image, image_name
from mmfusenas.apis.base_inferencer import BaseInferencer
from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import read_array
from mmfusenas.datasets.transforms.degrade_target import DegradeTarget, resize_bicubic
from mmfusenas.datasets.transforms.load_guided import as_guide, as_target
from mmfusenas.utils.config_parts import type_name


class GuidedSRInferencer(BaseInferencer):
    """Super-resolve targets (depth, thermal images, spectral bands) by guide images of the same view.

    The result has the size of the guide. The target is brought there by bicubic interpolation and scaled as in the
    model's test data: by itself from its smallest to its largest value. Arguments are those of :class:`BaseInferencer`.
    Results have, besides, ``restored``: float32 H x W (x bands), in the unit of the target; of a target of one band in
    whole numbers, such as depth in millimetres, also ``restored_16``, the same rounded to uint16, from 0 to 65535;
    ``image`` shows it in 8 bit. A model that says for how many times larger guides it is (``scales``) refuses others; a
    target that has the size of its guide already is not checked.

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
            ValueError: If the target has other bands than the model, the guide is no image, or it is another number of
                times larger than the model was trained for.
            ImageError: If a file is missing or unreadable, the target holds NaN, is larger than the guide or of
                another shape.
        """
        paths = [image_name(target, 'target'), image_name(guide, 'guide')]
        low, image = (x if isinstance(x, np.ndarray) else read_array(path)
                      for x, path in zip((target, guide), paths))
        whole = low.dtype.kind in 'iu'
        bands, colours = self.scene.channels['target'], self.scene.channels['guide']
        image = as_guide(image, colours, paths[1])
        size = image.shape[:2]
        low = np.atleast_3d(as_target(low, bands > 1, size, paths))
        if low.shape[2] != bands:
            raise InputError(f'The target {paths[0]} has {low.shape[2]} channels, the model takes {bands}.')
        self._check_scale(low.shape[:2], size, paths[0])
        up = low if low.shape[:2] == size else resize_bicubic(low, size)
        return dict(img=image, target=up, target_range=self.scaling.get_range(low, up), img_path=paths[1],
                    target_path=paths[0], img_shape=size, whole_numbers=whole)

    def _check_scale(self, low: tuple[int, int], size: tuple[int, int], name: str) -> None:
        """Raise where the guide is not one of the model's scales times larger, to less than a pixel of the target."""
        scales = getattr(self.scene, 'scales', None)
        if scales is None or low == size:
            return
        if not any(all(abs(full - scale * side) < scale for full, side in zip(size, low)) for scale in scales):
            raise InputError(f'The guide is {size[1]} x {size[0]}, {size[1] / low[1]:.3g} times larger than the target '
                             f'{name} of {low[1]} x {low[0]}; the model is trained for {" or ".join(map(str, scales))} '
                             'times. Take a model of that scale, or bring the target to one of these sizes.')

    def _images(self, batch: list[dict[str, Any]]) -> list[dict[str, np.ndarray]]:
        """Return what the base does, and the targets as whole numbers where the inputs were of such."""
        made = super()._images(batch)
        for results, found in zip(batch, made, strict=True):
            if results['whole_numbers'] and found['restored'].ndim == 2:
                found['restored_16'] = found['restored'].round().clip(0, 65535).astype(np.uint16)
        return made
