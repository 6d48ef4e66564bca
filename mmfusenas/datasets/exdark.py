"""The ExDark images."""
from __future__ import annotations

from collections.abc import Sequence
from os import path as osp

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.annotations import read_bbgt
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.datasets.pairing import get_stem, read_list
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.registry import DATASETS

PARTS = dict(train='1', val='2', test='3')
"""Number of each subset in the official list."""


@DATASETS.register_module()
class ExDarkDataset(PairDataset):
    """ExDark (Loh and Chan, 2019): 7 363 images in little light of ten kinds, with boxes of twelve classes.

    Layout as published::

        ExDark/CLASS/NAME.jpg               .png, .jpeg, ...; a folder a class, though images hold several
        ExDark_Annno/CLASS/NAME.jpg.txt     bbGt, version 3: class left top width height ...
        imageclasslist.txt                  name, class, light, in- or outdoors, part: 3 000, 1 800 and 2 563 images

    Other arguments and errors as of :class:`PairDataset`.

    Args:
        subset: ``'train'``, ``'val'`` or ``'test'`` of the official list; None takes ``split`` as everywhere, as a list
            of one stem a line, or all images.
        split: List of the images. Defaults to the official 'imageclasslist.txt', without a subset to all images.

    Raises:
        ValueError: On another subset.

    Example:
        >>> ExDarkDataset('test', data_root='data/exdark', lazy_init=True).split
        'data/exdark/imageclasslist.txt'
    """

    METAINFO = dict(
        classes=(
            'Bicycle', 'Boat', 'Bottle', 'Bus', 'Car', 'Cat', 'Chair', 'Cup', 'Dog', 'Motorbike', 'People', 'Table'),
        palette=[(60, 220, 90), (70, 130, 180), (0, 200, 200), (200, 80, 255), (60, 110, 255), (255, 128, 0),
                 (150, 90, 40), (255, 220, 0), (200, 160, 120), (120, 200, 0), (255, 60, 60), (128, 128, 128)],
    )
    READER = staticmethod(read_bbgt)
    ANNOTATION_SUFFIX = '.txt'
    PREFIX = dict(img='ExDark', ann='ExDark_Annno')
    NESTED = True

    def __init__(self, subset: str | None = 'train', split: str | None = None, **kwargs) -> None:
        if subset is not None and subset not in PARTS:
            raise InputError(f'subset of ExDarkDataset is one of {list(PARTS)}, or None for all, got {subset!r}.')
        if split is None:
            split = '' if subset is None else 'imageclasslist.txt'
        self._subset = subset
        super().__init__(split=split, **kwargs)

    def annotation_path(self, image: str) -> str:
        """Return the annotation file of an image, which keeps the image's suffix."""
        return self.beside(image, 'ann', osp.splitext(image)[1] + self.ANNOTATION_SUFFIX)

    def listed(self) -> Sequence[str] | None:
        """Return the stems of the subset."""
        if self._subset is None:
            return super().listed()
        rows = [line.split() for line in read_list(self.split, self.backend_args) if '|' not in line]
        wrong = [row for row in rows if len(row) != 5 or row[4] not in PARTS.values()]
        if wrong:
            raise DatasetError(
                f'{self.split} is not ExDark\'s list of "name class light in/out part" lines: it has '
                f'{" ".join(wrong[0])!r}. Set subset=None for a list of one stem a line.')
        return [get_stem(row[0]) for row in rows if row[4] == PARTS[self._subset]]
