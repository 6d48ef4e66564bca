"""The RESIDE images of haze, with the clear ones that they were made of."""
from __future__ import annotations

from collections.abc import Sequence
from os import path as osp

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.datasets.pairing import get_stem, list_images
from mmfusenas.datasets.problems import Problem
from mmfusenas.registry import DATASETS

FOLDERS = {
    'its': ('ITS/hazy', 'ITS/clear'), 'ots': ('OTS/hazy', 'OTS/clear'),
    'sots-indoor': ('SOTS/indoor/hazy', 'SOTS/indoor/gt'), 'sots-outdoor': ('SOTS/outdoor/hazy', 'SOTS/outdoor/gt'),
}
"""Folders of the hazy images and of the clear ones, by subset."""


@DATASETS.register_module()
class RESIDEDataset(PairDataset):
    """RESIDE (Li et al., 2019): images with synthetic haze, several of each clear one.

    Layout as published: ``ITS/{hazy,clear}``, ``OTS/{hazy,clear}``, ``SOTS/{indoor,outdoor}/{hazy,gt}``. A hazy file is
    named after its clear one, an underscore, and numbers: ``1400_3.png`` is of ``1400.png``, ``0001_0.8_0.2.jpg`` of
    ``0001.png``. ``every_nth`` and ``except_nth`` count clear images. The clear ones of SOTS indoors have a border of
    ten pixels that the hazy ones lack: load them with ``LoadPairFromFile(crop_reference=True)``.

    Args:
        subset: ``'its'``, ``'ots'`` (for training), ``'sots-indoor'`` or ``'sots-outdoor'`` (for tests). Defaults to
            'its'.
        data_prefix: As of :class:`PairDataset`; None is the layout above.
        **kwargs: As of :class:`PairDataset`.

    Raises:
        ValueError: On another subset, or folders that are not ``img`` and ``reference``.
        DatasetError: Where a hazy image has no clear one.

    Example:
        >>> RESIDEDataset('sots-outdoor', data_root='data/reside', lazy_init=True).data_prefix['reference']
        'data/reside/SOTS/outdoor/gt'
    """

    PREFIX = dict(img='ITS/hazy', reference='ITS/clear')

    def __init__(self, subset: str = 'its', data_prefix: dict | None = None, **kwargs) -> None:
        if subset not in FOLDERS:
            raise InputError(f'RESIDEDataset got subset={subset!r}; it knows {list(FOLDERS)}.')
        if data_prefix and (set(data_prefix) != {'img', 'reference'} or set(map(type, data_prefix.values())) != {str}):
            raise InputError(f"RESIDEDataset got data_prefix={data_prefix}; it has one folder 'img' of hazy and one "
                             "'reference' of clear images.")
        hazy, clear = FOLDERS[subset]
        super().__init__(data_prefix=data_prefix or dict(img=hazy, reference=clear), **kwargs)

    def find(self) -> tuple[list[dict[str, str]], list[Problem]]:
        """Return the paths of every hazy image and of its clear one, and those that have none."""
        hazy, clear = (list_images(self.data_prefix[key], self.backend_args) for key in ('img', 'reference'))
        by_stem = {get_stem(path): path for path in clear}
        samples = [dict(img_path=path, reference_path=by_stem.get(_clear_stem(path))) for path in hazy]
        problems = [Problem('error', 'image without a partner', sample['img_path'],
                            f'no clear image {_clear_stem(sample["img_path"])!r} in {self.data_prefix["reference"]}')
                    for sample in samples if sample['reference_path'] is None]
        if not hazy:
            problems.append(Problem('error', 'no images', self.data_prefix['img'], 'no image here'))
        return [sample for sample in samples if sample['reference_path']], problems

    def subset(self, samples: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        """Divide the clear images among the folds, each with all that was made of it: no scene is in two folds."""
        kept = set(super().subset(sorted({sample['reference_path'] for sample in samples})))
        return [sample for sample in samples if sample['reference_path'] in kept]


def _clear_stem(path: str) -> str:
    return osp.basename(path).partition('_')[0] if '_' in osp.basename(path) else get_stem(path)
