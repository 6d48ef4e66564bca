"""Training by iterations that resumes exactly."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop
from mmengine.runner.utils import calc_dynamic_intervals
from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.resumable_dataloader import BatchStream, build_resumable_dataloader
from mmfusenas.engine.loops.resumable import Resumable, run_seed
from mmfusenas.registry import LOOPS
from mmfusenas.utils.stop_signals import StopSignals


@LOOPS.register_module()
class ResumableIterTrainLoop(Resumable, IterBasedTrainLoop):
    """mmengine's ``IterBasedTrainLoop``, continuing a stopped run as if it had not been stopped.

    The data are one endless stream, a new order each time round, batches reaching over the seam. A resume goes on at
    its place in the stream without reading what came before. See :class:`ResumableEpochTrainLoop` for what is exact.

    Args:
        runner: Runner.
        dataloader: Config of the training dataloader, see :func:`build_resumable_dataloader`.
        max_iters: Iterations to train.
        val_begin: First iteration that is validated.
        val_interval: Iterations between validations.
        dynamic_intervals: (iteration, interval) pairs that change ``val_interval``.

    Example:
        >>> train_cfg = dict(type='ResumableIterTrainLoop', max_iters=1500, val_interval=500)
    """

    def __init__(self, runner: Runner, dataloader: dict, max_iters: int, val_begin: int = 1, val_interval: int = 1000,
                 dynamic_intervals: list[tuple[int, int]] | None = None) -> None:
        # Not the parent's: it draws the first batches at once, from a position and with a seed that a resume changes.
        BaseLoop.__init__(self, runner, build_resumable_dataloader(dataloader, run_seed(runner), endless=True))
        if int(max_iters) != max_iters:
            raise InputError(f'train_cfg.max_iters has to be a whole number, got {max_iters}.')
        self._max_iters, self._max_epochs = int(max_iters), 1
        self._epoch = self._iter = 0
        self.val_begin, self.val_interval = val_begin, val_interval
        self.stop_training = False  # set by EarlyStoppingHook
        self.runner.visualizer.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)
        self.dataloader_iterator = BatchStream(self.dataloader)
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(val_interval, dynamic_intervals)

    @property
    def batches_done(self) -> int:
        """Batches of the present epoch that are behind us: all, since to mmengine the whole training is one epoch."""
        return self._iter

    def run(self) -> nn.Module:
        """Train."""
        self._take_seed()
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.dataloader_iterator.seek(self._iter)
        if self._iter > 0:
            self._decide_current_val_interval()
            self._validate_if_due(self._iter, self._max_iters)
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            with StopSignals() as signals:
                self.run_iter(next(self.dataloader_iterator))
                signals.stop_if_asked(self.runner)
            self._decide_current_val_interval()
            self._validate_if_due(self._iter, self._max_iters)
        self.dataloader_iterator.seek(self._iter)  # lets the worker processes go
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_iter(self, data_batch: Sequence[dict]) -> None:
        """Train one batch."""
        self._validated = False
        super().run_iter(data_batch)
