"""The drawn street scenes in haze."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmfusenas.core.errors import InputError
from mmfusenas.registry import DATASETS
from mmfusenas.scenes.drawing.sensors import to_uint8
from mmfusenas.scenes.synthetic_guided_scenes import FARTHEST
from mmfusenas.scenes.synthetic_scenes import SyntheticScenes


@DATASETS.register_module()
class SyntheticHazeScenes(SyntheticScenes):
    r"""The visible images of :class:`SyntheticScenes` in haze, with the clear ones as references.

    As RESIDE makes it: :math:`y = x t + A (1 - t)` with the transmission :math:`t = \exp(-\beta d)` of the scene's
    depth d in metres (80 at most). ``img`` is hazy, ``reference`` (at ``reference_path``) clear; there is no
    ``infrared``.

    Args:
        length: Number of scenes.
        density: Least and largest beta, per metre, drawn uniformly for each scene. Defaults to (0.01, 0.04).
        light: Least and largest grey level of the light A, from 0 to 1. Defaults to (0.7, 1.0).
        conditions: Those to draw from. Defaults to ('day', ).
        **kwargs: Size, seed, difficulty and what else :class:`SyntheticScenes` takes, but ``misalign``.

    Raises:
        ValueError: Ranges that are none, or what :class:`SyntheticScenes` refuses.

    Example:
        >>> sample = SyntheticHazeScenes(length=4, size=(96, 128))[0]
        >>> sample['img'].shape, sample['reference'].shape, 'infrared' in sample
        ((96, 128, 3), (96, 128, 3), False)
    """

    CLEAN = True
    IMAGES = dict(img_path='hazy', reference_path='clear')

    def __init__(self, length: int, density: tuple[float, float] = (0.01, 0.04),
                 light: tuple[float, float] = (0.7, 1.0), conditions: Sequence[str] = ('day', ), **kwargs) -> None:
        if not 0 <= density[0] <= density[1] or not 0 < light[0] <= light[1] <= 1:
            raise InputError(f'{type(self).__name__} got density={density} and light={light}: both are (low, high), of '
                             'at least 0, and above 0 up to 1.')
        self.density, self.light = tuple(density), tuple(light)
        super().__init__(length, conditions=conditions, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return the description of a scene with its images, segmentation map and instances drawn."""
        info = super().get_data_info(idx)
        del info['infrared']
        info['reference'] = info['img']
        rng = np.random.default_rng([self.seed, info['img_id'], 4])  # 0 to 3 are those of other scenes
        density, light = rng.uniform(*self.density), rng.uniform(*self.light)
        depth = self.scene(info['img_id']).depth.clip(max=FARTHEST)
        clear = np.exp(-density * depth.astype(np.float64))[..., None]
        info['img'] = to_uint8((info['reference'] * clear + 255 * light * (1 - clear)).astype(np.float32))
        return info
