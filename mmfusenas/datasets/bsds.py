"""The natural images of Berkeley."""
from __future__ import annotations

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class BSDSDataset(PairDataset):
    """BSDS500 (Arbelaez et al., 2011): natural images, which a transform degrades (:class:`BlurAndNoise`).

    Layout as published: ``BSDS500/data/images/{train,val,test}``, 200, 100 and 200 images.

    Args:
        subset: ``'train'``, ``'val'`` or ``'test'``. Defaults to 'train'.
        data_prefix: As of :class:`PairDataset`; None is the layout above.
        **kwargs: As of :class:`PairDataset`.

    Raises:
        ValueError: On another subset.

    Example:
        >>> BSDSDataset('test', data_root='data/bsds', lazy_init=True).data_prefix['img']
        'data/bsds/BSDS500/data/images/test'
    """

    PREFIX = dict(img='BSDS500/data/images/train')

    def __init__(self, subset: str = 'train', data_prefix: dict | None = None, **kwargs) -> None:
        if subset not in ('train', 'val', 'test'):
            raise InputError(f"BSDSDataset got subset={subset!r}; it knows 'train', 'val' and 'test'.")
        super().__init__(data_prefix=data_prefix or dict(img=f'BSDS500/data/images/{subset}'), **kwargs)
