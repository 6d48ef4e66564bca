"""Schedules of parts that follow one another in a training."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import IterBasedTrainLoop, Runner


class Spans:
    """Parts of a training, each but the last with an ``end``: the stages and phases of the hooks.

    The present part is a function of the epoch or iteration alone, so a resumed run is in the right one by itself.

    Args:
        name: What the parts are called in messages, ``'TaskGuidanceHook got stages'``.
        parts: Dicts of ``keys`` and, but for the last, ``end``: the number of epochs (iterations) of the run after
            which the next part follows.
        keys: Keys that a part may have besides; the first one it has to have.
        example: What to write instead, for messages.
        by_epoch: Whether ``end`` counts epochs rather than iterations.

    Raises:
        ValueError: If there are no parts, one has another key or lacks the first, a part but the last has no ``end``,
            the last has one, or the ends do not rise.

    Example:
        >>> spans = Spans('got stages', [dict(stage='scene', end=3), dict(stage='joint')], ('stage', ), '...', True)
        >>> [spans.at(position) for position in (0, 2, 3)]
        [0, 0, 1]
    """

    def __init__(self, name: str, parts: Sequence[dict], keys: Sequence[str], example: str, by_epoch: bool) -> None:
        ends = [part.get('end') for part in parts[:-1]]
        unknown = {key for part in parts for key in part} - {*keys, 'end'}
        lacking = any(keys[0] not in part for part in parts)
        if not parts or unknown or lacking or None in ends or ends != sorted(set(ends)) or 'end' in parts[-1]:
            raise ValueError(f'{name}={list(parts)}: every one but the last needs an end, the ends rise, and there is '
                             f'{", ".join(keys)} besides, as in {example}.')
        self.name, self.ends, self.by_epoch = name, ends, by_epoch

    def at(self, position: int) -> int:
        """Return the number of the part in epoch or iteration ``position``, both from 0."""
        return sum(position >= end for end in self.ends)

    def present(self, runner: Runner) -> int:
        """Return the number of the part that the next iteration is in."""
        return self.at(runner.epoch if self.by_epoch else runner.iter)

    def past(self, runner: Runner) -> int:
        """Return the number of the part that the last iteration was in, which a validation is of."""
        return self.at(max(0, (runner.epoch if self.by_epoch else runner.iter) - 1))

    def check_loop(self, runner: Runner) -> None:
        """Raise a ValueError where ends count epochs of a training that has none."""
        if self.ends and self.by_epoch:
            require_epochs(runner, f'{self.name} that end after epochs; set by_epoch=False')


def require_epochs(runner: Runner, what: str) -> None:
    """Raise a ValueError where the training counts iterations alone."""
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        raise ValueError(f'{what}: {type(runner.train_loop).__name__} has no epochs, so they would never end.')
