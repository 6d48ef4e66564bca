"""A sampler that can name the samples of any epoch."""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.seeded_dataset import SeededDataset
from mmfusenas.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """Yield the codes (``epoch * len + index``) of one epoch, or of one epoch after the other.

    The order of an epoch is a function of (seed, epoch). Over several processes it is split over them in turns, as
    mmengine's ``DefaultSampler`` does.

    Args:
        dataset: Seeded dataset that the codes are for.
        seed: Seed of the run, equal in all processes.
        shuffle: Whether each epoch has an order of its own.
        round_up: Whether the first samples are repeated at the end of an epoch, so that all processes get equally many.
        endless: Whether the next epoch follows when one ends (for training by iterations).

    Raises:
        ValueError: The dataset is empty.

    Example:
        >>> sampler = ResumableSampler(SeededDataset('abc', seed=0), seed=0, shuffle=False)
        >>> sampler.epoch = 2
        >>> list(sampler)
        [6, 7, 8]
    """

    def __init__(self, dataset: SeededDataset, seed: int, shuffle: bool = True, round_up: bool = True,
                 endless: bool = False) -> None:
        if len(dataset) == 0:
            inner = getattr(dataset, 'dataset', dataset)
            raise InputError(f'The training dataset {type(inner).__name__} is empty: no sample was found or all were '
                             'filtered out. Check data_root, ann_file and filter_cfg in train_dataloader.dataset.')
        self.dataset, self.seed = dataset, seed
        self.shuffle, self.round_up, self.endless = shuffle, round_up, endless
        self.rank, self.world_size = get_dist_info()
        self.epoch = 0

    def reseed(self, seed: int) -> None:
        """Take another seed, here and in the dataset."""
        self.seed = seed
        self.dataset.reseed(seed)

    def __iter__(self) -> Iterator[int]:
        epochs = itertools.count(self.epoch) if self.endless else [self.epoch]
        for epoch in epochs:
            for index in self._indices(epoch):
                yield self.dataset.encode(epoch, index)

    def __len__(self) -> int:
        """Samples of this process in one epoch."""
        if self.round_up:
            return math.ceil(len(self.dataset) / self.world_size)
        return math.ceil((len(self.dataset) - self.rank) / self.world_size)

    def _indices(self, epoch: int) -> list[int]:
        size = len(self.dataset)
        if self.shuffle:
            generator = torch.Generator()
            generator.manual_seed(self.seed + epoch)
            indices = torch.randperm(size, generator=generator).tolist()
        else:
            indices = list(range(size))
        if self.round_up:
            total = len(self) * self.world_size
            indices = (indices * math.ceil(total / size))[:total]
        return indices[self.rank::self.world_size]
