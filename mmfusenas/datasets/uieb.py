"""The UIEB images under water."""
from __future__ import annotations

from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class UIEBDataset(PairDataset):
    """UIEB (Li et al., 2020): 890 images under water, and as references the best of twelve enhanced ones.

    Layout as published: ``raw-890`` and ``reference-890`` with equal names. The set has no official split:
    ``every_nth`` and ``except_nth`` make one, or the file of ``tools/dataset_converters/make_split.py --gap 0``
    (``split``).

    Arguments and errors as of :class:`PairDataset`.

    Example:
        >>> UIEBDataset(data_root='data/uieb', lazy_init=True).data_prefix['reference']
        'data/uieb/reference-890'
    """

    PREFIX = dict(img='raw-890', reference='reference-890')
