"""The drawn street scenes in little light, as one sensor sees them."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmfusenas.core.errors import InputError
from mmfusenas.registry import DATASETS
from mmfusenas.scenes.drawing import darken
from mmfusenas.scenes.synthetic_scenes import SyntheticScenes


@DATASETS.register_module()
class SyntheticLowLightScenes(SyntheticScenes):
    """:class:`SyntheticScenes` in little light: a dark and noisy image, and its clean reference.

    Results are the same but for the images: ``img`` is dark, ``reference`` (H x W x 3 uint8 BGR, at ``reference_path``)
    is the view in daylight without noise, and there is no ``infrared``. Boxes, masks and classes are those of the
    scenes. With the default ranges the images have the mean grey level of LOL's dark ones (10 to 45), and at their
    smaller size the noise of LOL's.

    Args:
        length: Number of scenes.
        exposure: Least and largest share of the light that is left; its square root, by which the grey levels shrink,
            is drawn uniformly for each scene. Defaults to (0.02, 0.15).
        noise: Least and largest standard deviation of the shot noise in grey levels. Defaults to (1.0, 5.0).
        conditions: Those to draw from. Defaults to ('day', ).
        **kwargs: Size, seed, difficulty and what else :class:`SyntheticScenes` takes, but ``misalign``.

    Raises:
        ValueError: Ranges that are none, or what :class:`SyntheticScenes` refuses.

    Example:
        >>> sample = SyntheticLowLightScenes(length=4, size=(96, 128))[0]
        >>> sample['img'].shape, sample['reference'].shape, 'infrared' in sample
        ((96, 128, 3), (96, 128, 3), False)
    """

    CLEAN = True
    IMAGES = dict(img_path='low', reference_path='reference')

    def __init__(self, length: int, exposure: tuple[float, float] = (0.02, 0.15),
                 noise: tuple[float, float] = (1.0, 5.0), conditions: Sequence[str] = ('day', ), **kwargs) -> None:
        if not 0 < exposure[0] <= exposure[1] <= 1:
            raise InputError(f'exposure of {type(self).__name__} is (low, high) above 0 and up to 1, got {exposure}')
        if not 0 <= noise[0] <= noise[1]:
            raise InputError(f'noise of {type(self).__name__} is (low, high) of at least 0, got {noise}')
        self.exposure, self.noise = tuple(exposure), tuple(noise)
        super().__init__(length, conditions=conditions, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return the description of a scene with its images, segmentation map and instances drawn."""
        info = super().get_data_info(idx)
        del info['infrared']
        info['reference'] = info['img']
        rng = np.random.default_rng([self.seed, info['img_id'], 3])  # 0 to 2 are those of the scene itself
        root = rng.uniform(*np.sqrt(self.exposure))
        info['img'] = darken(info['reference'], root * root, rng.uniform(*self.noise), rng)
        return info
