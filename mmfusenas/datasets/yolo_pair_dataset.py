"""Pairs with YOLO text labels."""
from __future__ import annotations

from mmfusenas.datasets.annotations import read_yolo
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class YOLOPairDataset(PairDataset):
    """Pairs with a text file of ``class cx cy w h`` lines each, in fractions of width and height.

    Arguments and errors as of :class:`PairDataset`; ``metainfo.classes`` (or ``names``) in the order of the numbers.

    Example:
        >>> dataset = YOLOPairDataset(
        ...     data_root='data/mine', data_prefix=dict(img='vi', img2='ir', ann='labels'),
        ...     metainfo=dict(classes=('person', 'car')))  # doctest: +SKIP
    """

    READER = staticmethod(read_yolo)
    ANNOTATION_SUFFIX = '.txt'
    PREFIX = dict(img='vi', img2='ir', ann='labels')
