"""The MSRS road scenes with segmentation maps."""
from __future__ import annotations

from mmfusenas.datasets.mfnet import CLASSES_MFNET, PALETTE_MFNET
from mmfusenas.datasets.pair_seg_dataset import PairSegDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class MSRSSegDataset(PairSegDataset):
    """MSRS (Tang et al., 2022) for segmentation: MFNet's scenes, cleaned and enhanced, with its nine classes.

    Layout as published: ``{train,test}/{vi,ir,Segmentation_labels}``. The first class, which is published as
    unlabelled, counts as one.

    Arguments and errors as of :class:`PairSegDataset`.

    Example:
        >>> MSRSSegDataset(data_root='data/msrs', lazy_init=True).data_prefix['seg']
        'data/msrs/train/Segmentation_labels'
    """

    METAINFO = dict(classes=CLASSES_MFNET, palette=PALETTE_MFNET)
    PREFIX = dict(img='train/vi', infrared='train/ir', seg='train/Segmentation_labels')
