"""The drawn street scenes in little light as a segmentation set."""
from __future__ import annotations

from mmfusenas.registry import DATASETS
from mmfusenas.scenes.synthetic_lowlight_scenes import SyntheticLowLightScenes
from mmfusenas.scenes.synthetic_seg_scenes import SyntheticSegScenes


@DATASETS.register_module()
class SyntheticLowLightSegScenes(SyntheticLowLightScenes):
    """:class:`SyntheticLowLightScenes` with the classes of the segmentation map, as :class:`SyntheticSegScenes`.

    Results and arguments are the same; ``gt_seg_map`` is there without loading.

    Example:
        >>> SyntheticLowLightSegScenes(length=1, size=(96, 128)).metainfo['classes'][:3]
        ('clutter', 'color_cone', 'car_stop')
    """

    METAINFO = SyntheticSegScenes.METAINFO
