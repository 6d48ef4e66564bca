"""What of a search's settings would go wrong later, said before its first iteration."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.engine.schedule import Schedule, require_epochs
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.hypergrad import FirstOrder


def checked_phases(phases: Mapping[str, dict]) -> dict[str, dict]:
    """Return the phases of a search, by name.

    Raises:
        ValueError: If they have no names, one has another key or lacks its choices, a phase but the last has no end, or
            the last has one.
    """
    example = "dict(cells=dict(choices='type$', end=20), operators=dict(choices='ops'))"
    if not isinstance(phases, Mapping):
        raise InputError(f'BilevelSearchHook got phases={phases}; give each a name, as in {example}.')
    for number, (name, phase) in enumerate(phases.items(), 1):
        last = number == len(phases)
        if 'choices' not in phase or set(phase) - {'choices', 'losses', 'end'} or ('end' in phase) == last:
            raise InputError(
                f'BilevelSearchHook got phases.{name}={dict(phase)}, the {"last" if last else "not the last"} of '
                f'{len(phases)}: a phase has choices, may have losses, and every one but the last has an end, as in '
                f'{example}.')
    return {name: dict(phase) for name, phase in phases.items()}


def accumulative_counts(runner: Runner) -> int:
    """Return the number of training iterations to one weight step, 1 where gradients are not accumulated."""
    return getattr(runner.optim_wrapper, '_accumulative_counts', 1)


def check_ends(runner: Runner, phases: Mapping[str, dict], schedule: Schedule) -> None:
    """Warn where a phase never begins, whose choices would be exported as they were in the beginning."""
    length = runner.max_epochs if schedule.by_epoch else runner.max_iters
    late = [name for name, end in zip(list(phases)[1:], schedule.ends) if end >= length]
    if late:
        runner.logger.warning(
            f'Phases {late} of BilevelSearchHook never begin: the training ends at {length}, the phases before them at '
            f'{schedule.ends}. Their choices stay relaxed as they were; set default_hooks.search.phases.NAME.end '
            'with train_cfg.')


def check_strategy(strategy: Callable, space: SearchSpace, phases: Sequence[dict],
                   searched: Sequence[Sequence[str]]) -> None:
    """Raise where the weights of a loss would not be learned: they reach a loss of images through the network's.

    Args:
        strategy: Hyper-gradient strategy.
        space: All variables.
        phases: Of the search.
        searched: Names of the variables of every phase.

    Raises:
        ValueError: If a phase searches the weights of a loss by that loss itself, or by first order.
    """
    for phase, names in zip(phases, searched):
        if not any(name in space.loss_weights for name in names):
            continue
        if 'model' in phase.get('losses', ['model']):
            raise InputError(f"BilevelSearchHook got losses=['model'] for choices={phase['choices']!r}, the weights of "
                             'that loss: it is least where all of them are 0. Search them by a loss of images, such '
                             "as losses=[dict(type='QualityLoss', checkpoint=...)].")
        if isinstance(strategy, FirstOrder):
            raise InputError(f'BilevelSearchHook got strategy FirstOrder for choices={phase["choices"]!r}, the '
                             "weights of a loss: without the answer of the network's weights they have no "
                             "gradient. Take strategy=dict(type='Unrolled').")


def check_wrapper(runner: Runner, space: SearchSpace, fixed: Sequence[Sequence[str]]) -> None:
    """Raise a ValueError where several processes would wait for gradients of what a phase has discarded.

    Args:
        runner: Runner.
        space: All variables.
        fixed: Names of the variables of every phase but the last.
    """
    choices = [space.choices[name] for names in fixed for name in names if name in space.choices]
    if any(weight.requires_grad for choice in choices for weight in choice.parameters()) and not getattr(
            runner.model, 'find_unused_parameters', True):
        raise InputError('BilevelSearchHook got phases in several processes: what a phase discards leaves '
                         'the graph. Set find_unused_parameters = True in the config.')


def check_losses(model: BaseModel, losses: Sequence[Sequence[nn.Module | None]]) -> None:
    """Raise where a phase has a loss of images, and the model makes none.

    Args:
        model: The model.
        losses: The losses of each phase, None for the model's own.

    Raises:
        ValueError: If it has no ``images``.
    """
    own = [type(loss).__name__ for of_phase in losses for loss in of_phase if loss is not None]
    if own and not hasattr(model, 'images'):
        raise InputError(f"BilevelSearchHook got the losses {own}, which look at the images that a model makes; "
                         f"{type(model).__name__} has no method images(inputs). Use losses=['model'].")


def check_dataloaders(runner: Runner, number: int, interval: int, begin: int, end: int | None) -> None:
    """Raise where the steps fall into the epochs of some dataloaders alone: an interval of two epochs, say.

    Args:
        runner: Runner.
        number: Number of dataloaders.
        interval, begin, end: Of the steps on the choices, as of :class:`BilevelSearchHook`.

    Raises:
        ValueError: If a dataloader has no step in its epochs, or the training has no epochs.
    """
    if number <= 1:
        return
    require_epochs(runner, 'BilevelSearchHook got several dataloaders, which take turns by epoch')
    epoch = len(runner.train_dataloader)
    steps = range(interval, min(end or runner.max_iters, runner.max_iters) + 1, interval)
    unseen = set(range(number)) - {(step - 1) // epoch % number for step in steps if step > begin}
    if unseen:
        raise InputError(
            f'BilevelSearchHook would never read dataloaders {sorted(unseen)} of its {number}: they take turns '
            f'by epochs of {epoch} iterations, and a step on the choices comes every {interval}. Change the '
            'batch size or the interval, or train longer.')
