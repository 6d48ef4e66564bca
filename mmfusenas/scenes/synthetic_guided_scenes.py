"""The drawn street scenes as guide and target of guided super-resolution."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmfusenas.core.errors import InputError
from mmfusenas.registry import DATASETS
from mmfusenas.scenes.drawing import Scene
from mmfusenas.scenes.synthetic_scenes import SyntheticScenes


def _depth(scene: Scene) -> np.ndarray:
    return scene.depth.clip(max=FARTHEST)


def _thermal(scene: Scene) -> np.ndarray:
    return scene.infrared


def _saliency(scene: Scene) -> np.ndarray:
    return np.where(scene.instance_map > 0, 255, 0)


TARGETS = dict(depth=_depth, thermal=_thermal, saliency=_saliency)
FARTHEST = 80.0
"""Metres: what is farther, and the sky, has this depth, as a sensor's limit."""


@DATASETS.register_module()
class SyntheticGuidedScenes(SyntheticScenes):
    """:class:`SyntheticScenes` for guided super-resolution: the visible image guides a target of another kind.

    ``img`` is the guide (H x W x 3 uint8 BGR), ``target`` the target in high resolution (H x W float32):
    ``'depth'`` in metres, at most 80; ``'thermal'``, the infrared image, 0 to 255; ``'saliency'``, 255 where the
    objects of the five classes are, else 0. :class:`DegradeTarget` makes the target of low resolution of it.

    Args:
        target: 'depth', 'thermal' or 'saliency'.
        length: Number of scenes.
        conditions: Those to draw from. Defaults to ('day', ).
        **kwargs: Size, seed, difficulty and what else :class:`SyntheticScenes` takes.

    Raises:
        ValueError: On another target, and what :class:`SyntheticScenes` refuses.

    Example:
        >>> sample = SyntheticGuidedScenes('depth', length=4, size=(96, 128))[0]
        >>> sample['target'].shape, str(sample['target'].dtype), (sample['target'] <= 80).all().item()
        ((96, 128), 'float32', True)
    """

    def __init__(self, target: str, length: int, conditions: Sequence[str] = ('day', ), **kwargs) -> None:
        if target not in TARGETS:
            raise InputError(f'SyntheticGuidedScenes got target={target!r}; it knows {list(TARGETS)}.')
        self.target = target
        super().__init__(length, conditions=conditions, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return what is known of each scene before it is drawn."""
        infos = super().load_data_list()
        for info in infos:
            info['target_path'] = info.pop('infrared_path').replace('_infrared', f'_{self.target}')
        return infos

    def get_data_info(self, idx: int) -> dict:
        """Return the description of a scene with guide and target drawn."""
        info = super().get_data_info(idx)
        scene = self.scene(info['img_id'])
        del info['infrared']
        return dict(info, target=TARGETS[self.target](scene).astype(np.float32))
