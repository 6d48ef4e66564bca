"""The MFNet segmentation set."""
from __future__ import annotations

from mmfusenas.datasets.pair_seg_dataset import PairSegDataset
from mmfusenas.registry import DATASETS

CLASSES_MFNET = ('background', 'car', 'person', 'bike', 'curve', 'car_stop', 'guardrail', 'color_cone', 'bump')
PALETTE_MFNET = [(0, 0, 0), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 192), (128, 128, 0), (64, 64, 128),
                 (192, 128, 128), (192, 64, 0)]


@DATASETS.register_module()
class MFNetDataset(PairSegDataset):
    """MFNet (Ha et al., 2017): 1 569 street scenes of 640 x 480, nine classes; stems end in D (day) or N (night).

    Layout as published: ``images/STEM.png`` with four channels, the fourth of which is the infrared image,
    ``labels/STEM.png``, and lists of stems ``train.txt``, ``val.txt`` and ``test.txt``. The images that were flipped
    beforehand (``_flip``) are not in these lists.

    Arguments and errors as of :class:`PairSegDataset`.

    Example:
        >>> dataset = MFNetDataset(data_root='data/mfnet', split='train.txt', lazy_init=True)
        >>> dataset.split, len(dataset.metainfo['classes'])
        ('data/mfnet/train.txt', 9)
    """

    METAINFO = dict(classes=CLASSES_MFNET, palette=PALETTE_MFNET)
    PREFIX = dict(img='images', infrared='images', seg='labels')
