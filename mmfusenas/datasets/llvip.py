"""The LLVIP street scenes."""
from __future__ import annotations

from mmfusenas.datasets.annotations import read_voc
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class LLVIPDataset(PairDataset):
    """LLVIP (Jia et al., 2021): 15 488 pairs of 1280 x 1024 at night, pedestrians, Pascal VOC annotations.

    Layout as published: ``visible/{train,test}``, ``infrared/{train,test}`` and one ``Annotations`` for both.

    Example:
        >>> LLVIPDataset(data_root='data/llvip', lazy_init=True).data_prefix['ann']
        'data/llvip/Annotations'
    """

    METAINFO = dict(classes=('person', ), palette=[(255, 60, 60)])
    READER = staticmethod(read_voc)
    ANNOTATION_SUFFIX = '.xml'
    PREFIX = dict(img='visible/train', infrared='infrared/train', ann='Annotations')
