"""The common part of the two training loops that resume exactly."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dist import broadcast, broadcast_object_list, get_world_size
from mmengine.runner import Runner

from mmfusenas.utils.checkpoint import plain, require_same


class Resumable:
    """Position of a train loop inside its data, for checkpoints.

    A loop of mmengine keeps ``epoch`` and ``iter``. This adds the two things a resume needs besides: whether the data
    are still those that the position counts, and whether the validation that was due there has been run.

    :class:`SafeCheckpointHook` stores :meth:`state_dict` and hands it back to :meth:`load_state_dict`.
    """

    runner: Runner
    dataloader: Any
    _validated = False
    """Whether validation has been run since the last iteration."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs to know of this loop. Plain numbers and text."""
        return dict(
            loop=type(self).__name__,
            samples=len(self.dataloader.dataset),
            batch_size=self.dataloader.batch_sampler.batch_size,
            batches_per_epoch=len(self.dataloader),
            optimizer=self._config('optim_wrapper', 'optimizer'),
            param_scheduler=self._config('param_scheduler'),
            validated=self._validated)

    def _config(self, *keys: str) -> Any:
        """Return a part of the config whose state in the checkpoint would silently prevail over another's."""
        part = self.runner.cfg
        for key in keys:
            part = part.get(key) if hasattr(part, 'get') else None  # an object that was built knows no config
        return plain(part)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of the run that is continued.

        Raises:
            RuntimeError: The loop, the data set's size, the batch size, the optimizer or its schedule are not what
                they were.
        """
        now = {key: value for key, value in self.state_dict().items() if key != 'validated'}
        require_same(state, now, 'its training differs', 'begin a new training from the weights alone: leave out '
                     '--resume and set --cfg-options load_from=CHECKPOINT')
        self._validated = state['validated']

    def _take_seed(self) -> None:
        """Use the seed of the run for the data; a resume brings its checkpoint's, after the dataloader was built."""
        seed = run_seed(self.runner)
        if seed != self.dataloader.dataset.seed:
            self.dataloader.batch_sampler.reseed(seed)

    def _validate_if_due(self, count: int, last: int) -> None:
        """Run the validation that is due after ``count`` epochs or iterations, if it has not been run there."""
        due = count % self.val_interval == 0 or count == last
        if self.runner.val_loop is None or count < self.val_begin or not due or self._validated:
            return
        # From here on: the checkpoint that is written in after_val_epoch has its validation behind it.
        self._validated = True
        if get_world_size() > 1:  # the others' last batch is in their statistics, which no checkpoint holds
            for buffer in self.runner.model.buffers():
                broadcast(buffer)
        self.runner.val_loop.run()


def run_seed(runner: Runner) -> int:
    """Return the seed of the run, the same in all processes (with ``diff_rank_seed`` each process's own differs)."""
    seed = [runner.seed]
    broadcast_object_list(seed)
    return seed[0]


def stream_seed(seed: int, stream: int) -> int:
    """Return the seed of a search split's order and augmentation.

    With the training's own, two halves of a data set would be read in the same order, each image beside the same one
    of the other half in every epoch.
    """
    return int(np.random.SeedSequence((seed, stream + 1)).generate_state(1)[0])
