"""Dataloaders that continue exactly where they were."""
from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from mmengine.runner import Runner
from torch.utils.data import BatchSampler, DataLoader

from mmfusenas.core.errors import InputTypeError
from mmfusenas.datasets.samplers.resumable_batch_sampler import ResumableBatchSampler
from mmfusenas.datasets.samplers.resumable_sampler import ResumableSampler
from mmfusenas.datasets.seeded_dataset import SeededDataset
from mmfusenas.utils.checkpoint import require_same

# What these samplers of mmengine are asked for, ResumableSampler does as well.
_REPLACED = ('DefaultSampler', 'InfiniteSampler', 'ResumableSampler')
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h


def build_resumable_dataloader(cfg: dict, seed: int, endless: bool = False) -> DataLoader:
    """Build a dataloader from the config that mmengine's ``Runner.build_dataloader`` takes.

    The dataset is wrapped into :class:`SeededDataset`, the sampler replaced by :class:`ResumableSampler`, and the
    batches are counted by a :class:`ResumableBatchSampler`, which is the place to ask and to set the position::

        loader.batch_sampler.set_position(epoch=2, start=40)    # before iter(loader)

    Args:
        cfg: Config with ``dataset``, ``sampler`` (``DefaultSampler``, ``InfiniteSampler`` or ``ResumableSampler``),
            ``batch_size`` and whatever else a dataloader takes (``batch_sampler``, ``drop_last``, ``num_workers``,
            ...).
        seed: Seed of order and augmentation, equal in all processes.
        endless: Whether epoch follows epoch without end, batches reaching over the seam.

    Raises:
        TypeError: ``cfg`` is a dataloader that is already built, or its sampler is one that cannot be resumed.
    """
    if not isinstance(cfg, dict):
        raise InputTypeError(
            f'An exact resume needs the dataloader as a config (a dict), got a {type(cfg).__name__}: it '
            "wraps the dataset and places the sampler itself. mmengine's EpochBasedTrainLoop takes any.")
    cfg = dict(cfg)
    batches = dict(cfg.get('batch_sampler') or dict(type=BatchSampler, drop_last=False))
    if cfg.pop('drop_last', False):
        batches['drop_last'] = True
    cfg.update(
        dataset=dict(type=SeededDataset, dataset=cfg['dataset'], seed=seed),
        sampler=dict(_sampler_options(cfg.get('sampler')), endless=endless),
        batch_sampler=dict(type=ResumableBatchSampler, batches=batches))
    loader = Runner.build_dataloader(cfg, seed=seed)
    # A generator of its own: the seed that an iterator draws for its workers must not come from the training's stream.
    loader.generator = torch.Generator().manual_seed(seed)
    loader.worker_init_fn = partial(_start_worker, init=loader.worker_init_fn)
    return loader


def _start_worker(worker: int, init: Callable[[int], None]) -> None:
    """Prepare a worker process: in a group of its own, Ctrl-C and the like reach only the training itself.

    The training ends its iteration then, and needs its batch. A worker that waits to hand over a batch would outlive
    a training that was killed, so the kernel ends it with its parent.
    """
    if sys.platform == 'linux':
        os.setpgrp()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    init(worker)


def _sampler_options(sampler: Any) -> dict:
    """Return ``sampler``'s config with ``ResumableSampler`` in the place of mmengine's samplers."""
    options = dict(sampler) if isinstance(sampler, dict) else dict(type=sampler)
    kind = options.pop('type', None)
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', repr(kind))
    if name.rpartition('.')[2] not in _REPLACED:
        raise InputTypeError(
            f'train_dataloader.sampler is {name}, whose position cannot be set, so a stopped run could not continue '
            f'exactly. Use one of {", ".join(_REPLACED)} (options shuffle, round_up), or train with '
            "train_cfg = dict(type='EpochBasedTrainLoop', ...) of mmengine, which starts a broken-off epoch again.")
    return dict(options, type=ResumableSampler)


class BatchStream:
    """An endless iterator over a dataloader that knows its position.

    The dataloader has to be built with ``endless=True``. Nothing is read before the first batch is asked for.

    Attributes:
        position: Batches handed out so far.

    Example:
        >>> cfg = dict(batch_size=2, sampler=dict(type='DefaultSampler', shuffle=True), dataset=dict(
        ...     type='SyntheticScenes', length=4, size=(96, 128), pipeline=[dict(type='PackPairInputs')]))
        >>> stream = BatchStream(build_resumable_dataloader(cfg, seed=0, endless=True))
        >>> ids = [[sample.img_id for sample in next(stream)['data_samples']] for _ in range(3)]
        >>> stream.seek(2)  # in a resumed run
        >>> [sample.img_id for sample in next(stream)['data_samples']] == ids[2]
        True
    """

    def __init__(self, dataloader: DataLoader) -> None:
        self.dataloader = dataloader
        self.seek(0)

    def seek(self, position: int) -> None:
        """Continue after ``position`` batches."""
        self.position = position
        self._iterator = None

    def reseed(self, seed: int) -> None:
        """Take another seed for order and augmentation."""
        self.dataloader.batch_sampler.reseed(seed)

    def state_dict(self) -> dict[str, int]:
        """Return what a checkpoint needs to know: the position, and what it counts."""
        return dict(position=self.position, samples=len(self.dataloader.dataset),
                    batch_size=self.dataloader.batch_sampler.batch_size)

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue at the position of another stream of the same data.

        Raises:
            RuntimeError: The data set's size or the batch size are not what they were.
        """
        now = {key: value for key, value in self.state_dict().items() if key != 'position'}
        require_same(state, now, 'its data differ', 'begin a new run: leave out --resume')
        self.seek(state['position'])

    def __iter__(self) -> BatchStream:
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            self.dataloader.batch_sampler.set_position(start=self.position)
            self._iterator = iter(self.dataloader)
        batch = next(self._iterator)
        self.position += 1
        return batch
