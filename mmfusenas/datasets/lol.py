"""The LOL pairs of dark and well-lit images."""
from __future__ import annotations

import re

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS

FOLDERS = {
    'v1': dict(train=('our485/low', 'our485/high'), test=('eval15/low', 'eval15/high')),
    **{release: {part.lower(): (f'{folder}/{part}/Low', f'{folder}/{part}/Normal') for part in ('Train', 'Test')}
       for release, folder in (('v2-real', 'Real_captured'), ('v2-synthetic', 'Synthetic'))},
}
"""Folders of the dark images and of their references, by release and subset."""


@DATASETS.register_module()
class LOLDataset(PairDataset):
    """LOL (Wei et al., 2018) and LOL-v2 (Yang et al., 2021): an image in little light, and one in enough as reference.

    Layouts as published::

        v1            our485/{low,high}/STEM.png                485 for training, 600 x 400
                      eval15/{low,high}/STEM.png                15 for testing
        v2-real       Real_captured/Train/Low/lowN.png          689, with Real_captured/Train/Normal/normalN.png
                      Real_captured/Test/{Low,Normal}           100
        v2-synthetic  Synthetic/{Train,Test}/{Low,Normal}       900 and 100, equal names

    Other arguments and errors as of :class:`PairDataset`.

    Args:
        release: ``'v1'``, ``'v2-real'`` (the 789 pairs of the RUAS paper) or ``'v2-synthetic'``. Defaults to 'v1'.
        subset: ``'train'`` or ``'test'``. Defaults to 'train'.
        data_prefix: As of :class:`PairDataset`; None is the layout above.

    Raises:
        ValueError: On another release or subset.

    Example:
        >>> LOLDataset('v2-real', 'test', data_root='data/lol', lazy_init=True).data_prefix['reference']
        'data/lol/Real_captured/Test/Normal'
    """

    PREFIX = dict(img='our485/low', reference='our485/high')

    def __init__(
        self, release: str = 'v1', subset: str = 'train', data_prefix: dict | None = None, **kwargs
    ) -> None:
        if release not in FOLDERS or subset not in FOLDERS[release]:
            raise InputError(f"LOLDataset got release={release!r} and subset={subset!r}; it knows the releases "
                             f"{list(FOLDERS)} and the subsets 'train' and 'test'.")
        low, normal = FOLDERS[release][subset]
        super().__init__(data_prefix=data_prefix or dict(img=low, reference=normal), **kwargs)

    def get_key(self, stem: str) -> str:
        """Return the number of ``low00001`` and ``normal00001``; other stems are equal by themselves."""
        return re.sub(r'^(low|normal)(?=\d)', '', stem)
