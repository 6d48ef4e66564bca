"""The Rain100 images."""
from __future__ import annotations

import re

from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class Rain100Dataset(PairDataset):
    """Rain100L or Rain100H (Yang et al., 2017): images with drawn rain, light or heavy, and the same without.

    Two layouts are about. That of later papers is the default: ``input`` and ``target`` with equal names. As published,
    ``rain-001.png`` and ``norain-001.png`` lie in ``rainy`` and ``norain``, or so; there set ``data_prefix``, as in
    ``dict(img='rainy', reference='norain')``.

    Arguments and errors as of :class:`PairDataset`.

    Example:
        >>> Rain100Dataset(data_root='data/rain100l', lazy_init=True).data_prefix['reference']
        'data/rain100l/target'
    """

    PREFIX = dict(img='input', reference='target')

    def get_key(self, stem: str) -> str:
        """Return the number of ``rain-001`` and ``norain-001``; other stems are equal by themselves."""
        return re.sub(r'^(?:no)?rain-(?=\d)', '', stem)
