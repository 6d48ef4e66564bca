"""The drawn street scenes as a segmentation set."""
from __future__ import annotations

from mmfusenas.registry import DATASETS
from mmfusenas.scenes.drawing import SEMANTICS
from mmfusenas.scenes.synthetic_scenes import SyntheticScenes


@DATASETS.register_module()
class SyntheticSegScenes(SyntheticScenes):
    """:class:`SyntheticScenes` with the classes of the segmentation map: the five objects and what is round them.

    Results and arguments are the same; ``gt_seg_map`` is there without loading.

    Example:
        >>> SyntheticSegScenes(length=1, size=(96, 128)).metainfo['classes'][:3]
        ('clutter', 'color_cone', 'car_stop')
    """

    METAINFO = dict(classes=SEMANTICS, palette=[
        (90, 90, 90), (255, 128, 0), (255, 220, 0), (60, 110, 255), (255, 60, 60), (60, 220, 90), (128, 64, 128),
        (244, 35, 232), (70, 70, 70), (107, 142, 35), (70, 130, 180)])
