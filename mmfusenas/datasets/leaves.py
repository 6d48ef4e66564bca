"""The data sets inside a config's data loaders, below ConcatDataset, RepeatDataset and the like."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmengine.dataset import BaseDataset

from mmfusenas.datasets.problems import DatasetError, Problem
from mmfusenas.registry import DATASETS
from mmfusenas.utils.config_hooks import get_hooks
from mmfusenas.utils.config_parts import type_name


def _descend(config: Mapping) -> Iterator[Mapping]:
    inner = config.get('datasets') or ([config['dataset']] if 'dataset' in config else [])
    if not inner:
        yield config
    for child in inner:
        yield from _descend(child)


def dataset_leaves(config: Mapping) -> dict[str, dict]:
    """Return the data sets of a config by name: ``train``, ``val``, ``test``, with a number where there are several.

    ``search`` is the data of a search's upper level, from the ``dataloader`` of its hook, and ``paths`` what the paths
    of a one-shot supernet are scored on, its ``dataset``. A test set that is the validation set is returned once, as
    ``val``.

    Example:
        >>> dataset_leaves(dict(train_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=dict(type='A')))))
        {'train': {'type': 'A'}}
    """
    leaves: dict[str, dict] = {}
    for split, loaders in _loaders(config).items():
        found = [leaf for loader in loaders for leaf in _descend(loader['dataset'])]
        for number, leaf in enumerate(found):
            name = split + (f'_{number}' if len(found) > 1 else '')
            if split == 'train' or dict(leaf) not in leaves.values():
                leaves[name] = dict(leaf)
    return leaves


def _loaders(config: Mapping) -> dict[str, list[Mapping]]:
    """Return the configs of data loaders by what they are for."""
    hooks = get_hooks(config).values()
    searched = [hook['dataloader'] for hook in hooks if hook.get('dataloader')]
    searched = [loader for item in searched for loader in (item if isinstance(item, (list, tuple)) else [item])]
    scored = [hook for hook in hooks if hook.get('dataset')]
    return dict(train=_given(config, 'train'), search=searched, paths=scored, val=_given(config, 'val'),
                test=_given(config, 'test'))


def _given(config: Mapping, split: str) -> list[Mapping]:
    loader = config.get(f'{split}_dataloader')
    return [loader] if loader else []


def resizes_pairs(config: Mapping) -> bool:
    """Return whether a data set's pipeline brings images of different size to one."""
    loading = [step for step in config.get('pipeline', ()) if type_name(step).startswith('Load')]
    return any(type_name(step) == 'LoadGuidedFromFile' or step.get('resize') or step.get('crop_reference')
               for step in loading)


def scan(config: Mapping, limit: int | None = None) -> tuple[Sequence[dict], list[Problem], Sequence[str]]:
    """Read a data set without its pipeline.

    Args:
        config: Config of one data set, of ours or of mmdet or mmseg.
        limit: Of a set that is drawn and not read, no more than so many.

    Returns:
        A description of every sample (as of :meth:`PairDataset.scan`), what is wrong, and the classes.

    Raises:
        DatasetError: The data set is none of images.
    """
    dataset = DATASETS.build({**config, 'pipeline': [], 'lazy_init': True})
    if hasattr(dataset, 'scan'):
        infos, problems = dataset.scan()
        return infos, problems, dataset.metainfo.get('classes', ())
    dataset.serialize_data = False  # which fails where there is no sample
    dataset.full_init()
    if not len(dataset):
        return [], [], dataset.metainfo.get('classes', ())
    first = dataset.get_data_info(0)
    if 'img_path' not in first:
        raise DatasetError(f'{config["type"]} is no data set of images: its samples have no img_path.')
    return _Samples(dataset, limit if 'img' in first else None), [], dataset.metainfo.get('classes', ())


def is_drawn(infos: Sequence[dict]) -> bool:
    """Return whether a data set, as :func:`scan` gives it, draws its images: there are no files then."""
    return isinstance(infos, _Samples) and 'img' in infos[0]


class _Samples(Sequence):
    """The first samples of a data set, which one that draws its images draws when asked for."""

    def __init__(self, dataset: BaseDataset, limit: int | None) -> None:
        self.dataset = dataset
        self.length = min(len(dataset), limit or len(dataset))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        if index >= len(self):
            raise IndexError(index)
        return self.dataset.get_data_info(index)
