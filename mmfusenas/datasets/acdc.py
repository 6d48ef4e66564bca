"""The ACDC street scenes."""
from __future__ import annotations

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.pair_seg_dataset import PairSegDataset
from mmfusenas.registry import DATASETS

CONDITIONS_ACDC = ('night', 'fog', 'rain', 'snow')
CLASSES_CITYSCAPES = (
    'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light', 'traffic sign', 'vegetation', 'terrain',
    'sky', 'person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle')
PALETTE_CITYSCAPES = [
    (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153), (250, 170, 30),
    (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70),
    (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32)]


@DATASETS.register_module()
class ACDCDataset(PairSegDataset):
    """ACDC (Sakaridis et al., 2021): street scenes of 1920 x 1080 in bad conditions, maps of Cityscapes' 19 classes.

    Layout as published, both archives unpacked into one folder (or their folders given in ``data_prefix``)::

        rgb_anon/night/{train,val}/GOPR0351/GOPR0351_frame_000159_rgb_anon.png            400 and 106 at night
        gt/night/{train,val}/GOPR0351/GOPR0351_frame_000159_gt_labelTrainIds.png

    Other arguments and errors as of :class:`PairSegDataset`.

    Args:
        condition: ``'night'``, ``'fog'``, ``'rain'`` or ``'snow'``. Defaults to 'night'.
        subset: ``'train'`` or ``'val'``; the maps of 'test' are not published. Defaults to 'train'.
        data_prefix: As of :class:`PairSegDataset`; None is the layout above.
        seg_map_suffix: What the maps' names end in. Defaults to '_gt_labelTrainIds.png'.

    Raises:
        ValueError: On another condition or subset.

    Example:
        >>> ACDCDataset('fog', data_root='data/acdc', lazy_init=True).data_prefix['seg']
        'data/acdc/gt/fog/train'
    """

    METAINFO = dict(classes=CLASSES_CITYSCAPES, palette=PALETTE_CITYSCAPES)
    PREFIX = dict(img='rgb_anon/night/train', seg='gt/night/train')
    NESTED = True

    def __init__(self, condition: str = 'night', subset: str = 'train', data_prefix: dict | None = None,
                 seg_map_suffix: str = '_gt_labelTrainIds.png', **kwargs) -> None:
        if condition not in CONDITIONS_ACDC or subset not in ('train', 'val'):
            raise InputError(f"ACDCDataset got condition={condition!r} and subset={subset!r}; it knows the conditions "
                             f"{CONDITIONS_ACDC} and the subsets 'train' and 'val'.")
        published = dict(img=f'rgb_anon/{condition}/{subset}', seg=f'gt/{condition}/{subset}')
        super().__init__(data_prefix=data_prefix or published, seg_map_suffix=seg_map_suffix, **kwargs)

    def get_key(self, stem: str) -> str:
        """Return video and frame, without what the images' names end in."""
        return stem.removesuffix('_rgb_anon')
