"""Stages of task-guided training."""
from __future__ import annotations

from itertools import accumulate
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmfusenas.core.errors import InputError, InputTypeError
from mmfusenas.engine.dry_run import dry_run
from mmfusenas.engine.hooks.class_count_hook import check_class_count
from mmfusenas.engine.schedule import Schedule
from mmfusenas.models.stages import STAGES
from mmfusenas.registry import HOOKS
from mmfusenas.utils.unwrap_model import unwrap_model


@HOOKS.register_module()
class TaskGuidanceHook(Hook):
    """Move a task-guided model from stage to stage (TIM section 3.1: fusion first, then jointly with the task).

    A stage is a function of the iteration or epoch alone (:class:`Schedule`), so a resumed run is in the right one by
    itself. What does not train in a stage is not in the graph; several processes need ``find_unused_parameters = True``
    in the config. A checkpoint of the stage ``'scene'`` is used without what has not learned yet.

    Args:
        scene_length: Number of epochs (or iterations) in which the scene module trains alone, first. Defaults to 0.
        task_length: Number of epochs (or iterations) in which the task module trains alone, after them. Defaults to 0.
        final_stage: The stage from then to the end: ``'joint'``, ``'separate'``, ``'task'`` or ``'scene'``, see
            :class:`TaskGuidedDetector`. Defaults to ``'joint'``.
        by_epoch: Whether ``scene_length`` and ``task_length`` count epochs rather than iterations. Defaults to True.
        dry_run: Whether the first batch is run in the stage ``'joint'``, where there still is one, before it trains:
            what would not fit into memory then ends the training at its start (:func:`dry_run`). It takes the time of
            an iteration and changes nothing. Where the training begins with that stage, one sample is run, which is
            enough for an estimate. Defaults to True.

    Raises:
        ValueError: If a length is no whole number from 0, or ``final_stage`` is no stage.
        TypeError: If the model has no stages.

    Before the training it raises a ValueError where a head has another number of classes than the data, and a
    MemoryError where the joint stage does not fit into memory.

    Example:
        >>> hook = TaskGuidanceHook(scene_length=40, task_length=10)
        >>> [hook.stages[hook.schedule.at(epoch)] for epoch in (0, 39, 40, 50)]
        ['scene', 'scene', 'task', 'joint']
    """

    def __init__(self, scene_length: int = 0, task_length: int = 0, final_stage: str = 'joint', by_epoch: bool = True,
                 dry_run: bool = True) -> None:
        lengths = dict(scene=scene_length, task=task_length)
        wrong = [name for name, length in lengths.items() if not isinstance(length, int) or length < 0]
        if wrong or final_stage not in STAGES:
            raise InputError(
                f'TaskGuidanceHook got scene_length={scene_length!r}, task_length={task_length!r}, '
                f'final_stage={final_stage!r}; the lengths are numbers of {"epochs" if by_epoch else "iterations"}, at '
                f'least 0, and final_stage is one of {STAGES}.')
        first = {name: length for name, length in lengths.items() if length}
        self.stages = [*first, final_stage]
        self.schedule = Schedule('TaskGuidanceHook got stages', list(accumulate(first.values())), by_epoch)
        self.dry_run = dry_run
        self._begins = False

    def before_train(self, runner: Runner) -> None:
        """Check that the model has stages, and as many classes as the data."""
        self.schedule.check_loop(runner)
        check_stages(runner, 'TaskGuidanceHook')
        self._take_past(runner)  # no iteration may be left before the epoch's end
        self._begins = True

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Set the stage of this iteration, the first of which runs dry in the joint stage before it trains."""
        stage, *later = self.stages[self.schedule.present(runner):]
        if self.dry_run and self._begins and 'joint' in (stage, *later):
            dry_run(runner, data_batch, 'joint', whole=stage != 'joint')
        self._begins = False
        model = unwrap_model(runner)
        if model.stage != stage:
            model.stage = stage
            runner.logger.info(f'Iteration {runner.iter + 1}: training stage {stage!r}.')

    def before_val_epoch(self, runner: Runner) -> None:
        """Set the stage that trained last: a resumed run may begin with the validation that was due."""
        self._take_past(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the stage, for what only trained the scene module is used without the rest."""
        checkpoint['meta']['stage'] = unwrap_model(runner).stage

    def _take_past(self, runner: Runner) -> None:
        if runner.iter:
            unwrap_model(runner).stage = self.stages[self.schedule.past(runner)]


def check_stages(runner: Runner, hook: str) -> None:
    """Raise where a model has no stages, or a head of another number of classes than the training data.

    Raises:
        TypeError: If the model has no stages.
        ValueError: If the number of classes differs.
    """
    model = unwrap_model(runner)
    if not hasattr(model, 'stage'):
        raise InputTypeError(
            f'{hook} got the model {type(model).__name__}, which has no stages; it is for RUASEnhancement, '
            'TaskGuidedDetector and TaskGuidedSegmentor.')
    check_class_count(model, runner.train_dataloader.dataset)
