"""Phases that follow one another in a training."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import IterBasedTrainLoop, Runner

from mmfusenas.core.errors import InputError


class Schedule:
    """The phases of a training, each but the last with an end: the stages and phases of the hooks.

    The present phase is a function of the epoch or iteration alone, so a resumed run is in the right one by itself.

    Args:
        name: Whose phases they are, for messages: ``'TaskGuidanceHook got stages'``.
        ends: The number of epochs (iterations) of the run after which each phase but the last ends.
        by_epoch: Whether ``ends`` counts epochs rather than iterations.

    Raises:
        ValueError: If the ends are not positive or do not rise.

    Example:
        >>> schedule = Schedule('TaskGuidanceHook got stages', [3], by_epoch=True)
        >>> [schedule.at(position) for position in (0, 2, 3)]
        [0, 0, 1]
    """

    def __init__(self, name: str, ends: Sequence[int], by_epoch: bool) -> None:
        if any(after <= before for before, after in zip([0, *ends], ends)):
            raise InputError(f'{name} that end after {list(ends)}; every end is larger than the one before, the first '
                             'larger than 0.')
        self.name, self.ends, self.by_epoch = name, list(ends), by_epoch

    def at(self, position: int) -> int:
        """Return the number of the phase in epoch or iteration ``position``, both from 0."""
        return sum(position >= end for end in self.ends)

    def present(self, runner: Runner) -> int:
        """Return the number of the phase that the next iteration is in."""
        return self.at(runner.epoch if self.by_epoch else runner.iter)

    def past(self, runner: Runner) -> int:
        """Return the number of the phase that the last iteration was in, which a validation is of."""
        if not self.by_epoch:
            return self.at(max(0, runner.iter - 1))
        # A checkpoint after an epoch's last iteration is of that epoch still: its end is yet to come.
        within = getattr(runner.train_loop, 'batches_done', 0) > 0
        return self.at(max(0, runner.epoch - (not within)))

    def check_loop(self, runner: Runner) -> None:
        """Raise a ValueError where ends count epochs of a training that has none."""
        if self.ends and self.by_epoch:
            require_epochs(runner, f'{self.name} that end after epochs; set by_epoch=False')


def require_epochs(runner: Runner, what: str) -> None:
    """Raise a ValueError where the training counts iterations alone."""
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        raise InputError(f'{what}: {type(runner.train_loop).__name__} has no epochs, so they would never end.')
