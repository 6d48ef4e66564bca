"""The MIT-Adobe FiveK images with the retouched ones of expert C."""
from __future__ import annotations

from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class FiveKDataset(PairDataset):
    """MIT-Adobe FiveK (Bychkovsky et al., 2011): 5 000 photographs, and as references what expert C made of them.

    Layout: ``input`` and ``expertC`` with equal names (``a0001-jmac_DSC1459.png``), the raw files and the expert's as
    images of one size, as ``tools/dataset_converters/fivek.py`` makes them. Another expert is
    ``data_prefix=dict(img='input', reference='expertA')``. The set has no official split: make one with
    ``tools/dataset_converters/make_split.py --gap 0`` and name it in ``split``.

    Arguments and errors as of :class:`PairDataset`.

    Example:
        >>> FiveKDataset(data_root='data/fivek', lazy_init=True).data_prefix['reference']
        'data/fivek/expertC'
    """

    PREFIX = dict(img='input', reference='expertC')
