"""Checks of a search's settings before its first iteration."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.engine.schedule import Schedule, require_epochs
from mmfusenas.nas import ExpectedCost, SearchSpace
from mmfusenas.nas.cost_table import CostTable
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


def check_steps(interval: int, begin: int, end: int | None, independent: int, dataloaders: Sequence[dict]) -> None:
    """Raise a ValueError where the settings of the steps on the choices are none (:class:`BilevelSearchHook`)."""
    if type(interval) is not int or interval < 1:
        raise InputError(f'BilevelSearchHook got interval={interval}; it is the number of weight steps to one step '
                         'on the choices, at least 1.')
    if independent < 1 or (independent > 1 and not dataloaders):
        raise InputError(f'BilevelSearchHook got independent={independent}; it is the number of batches of the '
                         'search split to a step, at least 1, and more need a dataloader.')
    if type(begin) is not int or begin < 0 or (end is not None and (type(end) is not int or end <= begin)):
        raise InputError(f'BilevelSearchHook got begin={begin} and end={end}; they are numbers of iterations, '
                         'begin from 0 on and end larger, or None.')


def check_cost(cost: Mapping | None) -> None:
    """Raise a ValueError where the expected cost of a search has other keys, or a weight that is none."""
    if cost and not {'table', 'weight'} <= set(cost) <= {'table', 'weight', 'cost'}:
        raise InputError(f"BilevelSearchHook got cost={cost}; give dict(table=FILE, weight=..., cost='latency_ms').")
    if cost and not (type(cost['weight']) in (int, float) and 0 <= cost['weight'] < float('inf')):
        raise InputError(f'BilevelSearchHook got a cost of the weight {cost["weight"]!r}; it is a number of at '
                         'least 0: networks that cost more are to be less likely.')


def check_temperature(temperature: float | None) -> None:
    """Raise a ValueError where a temperature is none."""
    if temperature is not None and not (type(temperature) in (int, float) and 0 < temperature < float('inf')):
        raise InputError(f'BilevelSearchHook got temperature={temperature!r}; it is a number above 0 for choices by '
                         'Gumbel-softmax, or None.')


def check_space(state: Mapping | None, space: SearchSpace) -> None:
    """Raise a ValueError where the stored state of a search is of another space."""
    if state and state['space_hash'] != space.hash:
        raise InputError(
            f"The checkpoint is of another search space: {state['space_hash']} with {state['decisions']} "
            f'choices, this model is {space.hash} with {len(space)}. Resume with the config of that search.')


def relative_cost(space: SearchSpace, cost: Mapping | None) -> tuple[ExpectedCost | None, float]:
    """Return the expected cost of a space and what it is multiplied with in the loss; None where there is no ``cost``.

    Raises:
        ValueError: If nothing costs anything in the table.
    """
    if not cost:
        return None, 0.0
    expected = ExpectedCost(space, CostTable.load(cost['table']), cost.get('cost', 'latency_ms'))
    uniform = expected.uniform()  # not of the present alphas: a resumed search must divide by the same number
    if not uniform > 0:
        raise InputError(f'BilevelSearchHook got cost={cost}, but no candidate of its table costs anything '
                         f'({expected.cost} at uniform choices: {uniform:g}). Give another cost or table.')
    return expected, cost['weight'] / uniform


def open_variables(space: SearchSpace, pattern: str) -> list[str]:
    """Return the names of the variables of a phase, those that are open and that a pattern selects.

    Raises:
        ValueError: If there is none.
    """
    names = [name for name, variable in space.variables.items() if not variable.is_fixed and re.search(pattern, name)]
    if not names:
        raise InputError(
            f'BilevelSearchHook found no choice to search: the model has {len(space.variables)}, and '
            f'choices={pattern!r} selects none that is open. Is a genotype= set that already decides them?')
    return names


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
    require_epochs(runner, 'BilevelSearchHook got several dataloaders, one an epoch')
    epoch = len(runner.train_dataloader)
    steps = range(interval, min(end or runner.max_iters, runner.max_iters) + 1, interval)
    unseen = set(range(number)) - {(step - 1) // epoch % number for step in steps if step > begin}
    if unseen:
        raise InputError(
            f'BilevelSearchHook would never read dataloaders {sorted(unseen)} of its {number}: each takes '
            f'its turn, epochs of {epoch} iterations, and a step on the choices comes every {interval}. Change the '
            'batch size or the interval, or train longer.')
