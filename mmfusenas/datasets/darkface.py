"""The DARK FACE images."""
from __future__ import annotations

from mmfusenas.datasets.annotations import read_darkface
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class DarkFaceDataset(PairDataset):
    """DARK FACE (Yang et al., 2020): 6 000 streets at night, 1080 x 720, with boxes of faces.

    Layout as published: ``image/N.png`` and ``label/N.txt``, whose first line is the number of faces, and the others
    ``x1 y1 x2 y2`` in pixels. What is published has no split of its own: make one with
    ``tools/dataset_converters/make_split.py --gap 0`` and name it in ``split``.

    Arguments and errors as of :class:`PairDataset`.

    Example:
        >>> DarkFaceDataset(data_root='data/darkface', lazy_init=True).data_prefix['ann']
        'data/darkface/label'
    """

    METAINFO = dict(classes=('face', ), palette=[(255, 60, 60)])
    READER = staticmethod(read_darkface)
    ANNOTATION_SUFFIX = '.txt'
    PREFIX = dict(img='image', ann='label')
