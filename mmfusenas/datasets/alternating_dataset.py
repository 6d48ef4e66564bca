"""Several tasks, one an epoch."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmfusenas.core.errors import InputError
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class AlternatingDataset:
    """One data set an epoch, in turn: TIM searches with one fusion task per epoch (section 4.1).

    Every epoch has as many samples as the largest of the sets, from which smaller ones start again, so that all tasks
    get equally many steps. It is for the loops of mmfusenas, which know the epoch of a sample.

    Args:
        datasets: Data sets, or configs of some.

    Raises:
        ValueError: There is none.

    Example:
        >>> tasks = AlternatingDataset([dict(type='SyntheticScenes', length=n, conditions=[c], pipeline=[])
        ...                             for n, c in ((2, 'day'), (3, 'night'))])
        >>> len(tasks), tasks.in_epoch(0, 2)['condition'], tasks.in_epoch(1, 2)['condition']
        (3, 'day', 'night')
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        if not datasets:
            raise InputError('AlternatingDataset got no data sets; give at least one.')
        self.datasets = [DATASETS.build(item) if isinstance(item, dict) else item for item in datasets]

    @property
    def metainfo(self) -> dict:
        """Meta information of the first set."""
        return self.datasets[0].metainfo

    def in_epoch(self, epoch: int, index: int) -> Any:
        """Return sample ``index`` of ``epoch``."""
        dataset = self.datasets[epoch % len(self.datasets)]
        return dataset[index % len(dataset)]

    def __len__(self) -> int:
        return max(len(dataset) for dataset in self.datasets)
