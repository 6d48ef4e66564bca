"""Training by epochs that resumes exactly, also inside an epoch."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmfusenas.core.errors import StateError
from mmfusenas.datasets.resumable_dataloader import build_resumable_dataloader
from mmfusenas.engine.loops.resumable import Resumable, run_seed
from mmfusenas.registry import LOOPS
from mmfusenas.utils.stop_signals import StopSignals


@LOOPS.register_module()
class ResumableEpochTrainLoop(Resumable, EpochBasedTrainLoop):
    """mmengine's ``EpochBasedTrainLoop``, continuing a stopped run as if it had not been stopped.

    Inside an epoch it goes on with the samples that were still to come, without reading those before. A validation
    that was due where the checkpoint was written is run first. Together with :class:`SafeCheckpointHook`, which keeps
    the random states, a resumed run ends with the same weights, bit for bit at a fixed number of threads.

    With several processes a checkpoint holds the buffers of the first (BatchNorm statistics), which the wrapper of
    :func:`build_runner` hands to the others; all validate with them.

    ``before_train_epoch`` of all hooks is called again when an epoch is continued. Gradients that are being accumulated
    are not in a checkpoint: save at multiples of ``accumulative_counts``.

    Args:
        runner: Runner.
        dataloader: Config of the training dataloader, see :func:`build_resumable_dataloader`.
        max_epochs: Epochs to train.
        val_begin: First epoch that is validated.
        val_interval: Epochs between validations.
        dynamic_intervals: (epoch, interval) pairs that change ``val_interval``.

    Example:
        >>> train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=12, val_interval=1)
        >>> default_hooks = dict(checkpoint=dict(type='SafeCheckpointHook', interval=100, by_epoch=False))
    """

    def __init__(self, runner: Runner, dataloader: dict, max_epochs: int, val_begin: int = 1, val_interval: int = 1,
                 dynamic_intervals: list[tuple[int, int]] | None = None) -> None:
        dataloader = build_resumable_dataloader(dataloader, run_seed(runner))
        super().__init__(runner, dataloader, max_epochs, val_begin, val_interval, dynamic_intervals)

    @property
    def batches_done(self) -> int:
        """Batches of the present epoch that are behind us."""
        return self._iter - self._epoch * len(self.dataloader)

    def run(self) -> nn.Module:
        """Train."""
        self._take_seed()
        self.runner.call_hook('before_train')
        self._check_position()
        if self._iter > 0 and self.batches_done == 0:
            self._decide_current_val_interval()
            self._validate_if_due(self._epoch, self._max_epochs)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            self._validate_if_due(self._epoch, self._max_epochs)
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Train the rest of the present epoch, which usually is all of it."""
        with StopSignals() as signals:
            self.runner.call_hook('before_train_epoch')
            self.runner.model.train()
            start = self.batches_done
            self.dataloader.batch_sampler.set_position(self._epoch, start)
            for index, batch in enumerate(self.dataloader, start):
                self.run_iter(index, batch)
                signals.stop_if_asked(self.runner)
            self.runner.call_hook('after_train_epoch')
            self._epoch += 1
            signals.stop_if_asked(self.runner)

    def run_iter(self, idx: int, data_batch: Sequence[dict]) -> None:
        """Train one batch, number ``idx`` of its epoch."""
        self._validated = False
        super().run_iter(idx, data_batch)

    def _check_position(self) -> None:
        if not 0 <= self.batches_done <= len(self.dataloader):
            raise StateError(
                f'Epoch {self._epoch} and iteration {self._iter} of the checkpoint do not fit an epoch of '
                f'{len(self.dataloader)} batches: data set, batch size or number of processes have changed. Set them '
                'back, or begin a new training from its weights: leave out --resume and set --cfg-options '
                'load_from=CHECKPOINT.')
