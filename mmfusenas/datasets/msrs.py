"""The MSRS road scenes."""
from __future__ import annotations

from mmfusenas.datasets.annotations import read_yolo
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class MSRSDataset(PairDataset):
    """MSRS (Tang et al., 2022): 640 x 480 road scenes by day and night, YOLO labels.

    Layout: ``{train,test}/{vi,ir,labels}`` (labels of the detection release beside the images), or the 80 pairs of
    ``detection/{vi,ir,labels}`` as published. Stems end in D (day) or N (night).

    Example:
        >>> MSRSDataset(data_root='data/msrs', lazy_init=True).data_prefix['infrared']
        'data/msrs/train/ir'
    """

    METAINFO = dict(
        classes=('person', 'bicycle', 'car'),
        palette=[(255, 60, 60), (60, 220, 90), (60, 110, 255)],
    )
    READER = staticmethod(read_yolo)
    ANNOTATION_SUFFIX = '.txt'
    PREFIX = dict(img='train/vi', infrared='train/ir', ann='train/labels')
