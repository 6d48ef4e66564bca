"""Batches that can start in the middle of an epoch."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from torch.utils.data import Sampler

from mmfusenas.datasets.samplers.resumable_sampler import ResumableSampler
from mmfusenas.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ResumableBatchSampler(Sampler):
    """Yield batches of codes from a position (epoch, batches already drawn) on.

    The batches before the position are made again and skipped. They are lists of integers: no sample is read.
    Any batch sampler may be inside whose batches depend on its sampler alone (mmdet's ``AspectRatioBatchSampler``).

    Args:
        sampler: Sampler of the codes.
        batch_size: Samples in a batch.
        batches: Config of the batch sampler inside, such as ``dict(type=BatchSampler, drop_last=False)``.

    Example:
        >>> from torch.utils.data import BatchSampler
        >>> from mmfusenas.datasets.seeded_dataset import SeededDataset
        >>> codes = ResumableSampler(SeededDataset(range(100), seed=0), seed=0, shuffle=False)
        >>> batches = ResumableBatchSampler(codes, 4, dict(type=BatchSampler, drop_last=False))
        >>> batches.set_position(epoch=2, start=10)
        >>> next(iter(batches))  # the 11th batch of the third epoch
        [240, 241, 242, 243]
    """

    def __init__(self, sampler: ResumableSampler, batch_size: int, batches: dict) -> None:
        self.sampler, self.batch_size = sampler, batch_size
        self._config = dict(batches)
        self._batches = self._build()
        self._start = 0

    def _build(self) -> Sampler:
        return DATA_SAMPLERS.build(
            dict(self._config), default_args=dict(sampler=self.sampler, batch_size=self.batch_size))

    def set_position(self, epoch: int = 0, start: int = 0) -> None:
        """Let the next iteration begin with batch ``start`` (from 0) of ``epoch``."""
        self.sampler.epoch = epoch
        self._start = start

    def reseed(self, seed: int) -> None:
        """Take another seed for order and augmentation."""
        self.sampler.reseed(seed)

    def __iter__(self) -> Iterator[list[int]]:
        # A batch sampler may hold samples over (buckets by shape): each pass over the data gets a fresh one.
        self._batches = self._build()
        return islice(iter(self._batches), self._start, None)

    def __len__(self) -> int:
        """Batches in a whole epoch, wherever the position is."""
        return len(self._batches)
