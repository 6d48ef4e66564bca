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
        >>> from pathlib import Path
        >>> from mmfusenas.datasets.images import write_image
        >>> for path in ('vi/1.png', 'ir/1.png'):
        ...     write_image(path, np.zeros((40, 60), np.uint8))
        >>> Path('labels').mkdir()
        >>> _ = Path('labels/1.txt').write_text('1 0.25 0.5 0.5 0.5')
        >>> YOLOPairDataset(metainfo=dict(classes=('person', 'car')))[0]['instances']
        [{'bbox': [0.0, 10.0, 30.0, 30.0], 'bbox_label': 1, 'ignore_flag': 0}]
    """

    READER = staticmethod(read_yolo)
    ANNOTATION_SUFFIX = '.txt'
    PREFIX = dict(img='vi', infrared='ir', ann='labels')
