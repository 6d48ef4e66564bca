"""The M3FD scenes."""
from __future__ import annotations

from mmfusenas.datasets.annotations import read_voc
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class M3FDDataset(PairDataset):
    """M3FD (Liu et al., 2022): 4 200 pairs of 1024 x 768, Pascal VOC annotations.

    Layout as published: ``Vis``, ``Ir``, ``Annotation``. The set has no official split, and neighbouring numbers are
    frames of one video: make one with ``tools/dataset_converters/make_split.py`` and name it in ``split``.

    Example:
        >>> dataset = M3FDDataset(data_root='data/m3fd', split='train.txt', lazy_init=True)
        >>> dataset.split, dataset.metainfo['classes'][:2]
        ('data/m3fd/train.txt', ('People', 'Car'))
    """

    METAINFO = dict(
        classes=('People', 'Car', 'Bus', 'Motorcycle', 'Lamp', 'Truck'),
        palette=[(255, 60, 60), (60, 110, 255), (0, 200, 200), (200, 80, 255), (255, 220, 0), (60, 220, 90)],
    )
    READER = staticmethod(read_voc)
    ANNOTATION_SUFFIX = '.xml'
    PREFIX = dict(img='Vis', infrared='Ir', ann='Annotation')
