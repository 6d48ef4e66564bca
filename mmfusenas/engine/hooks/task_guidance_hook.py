"""Stages of task-guided training."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmfusenas.registry import HOOKS
from mmfusenas.utils.bare_model import bare_model


@HOOKS.register_module()
class TaskGuidanceHook(Hook):
    """Move a task-guided model from stage to stage (TIM section 3.1: fusion first, then jointly with the task).

    A stage is a function of the iteration or epoch alone, so a resumed run is in the right one by itself. What does not
    train in a stage is not in the graph; several processes need ``find_unused_parameters = True`` in the config.

    Args:
        stages: Dicts of ``stage`` (``'scene'``, ``'joint'`` or ``'task'``, see :class:`TaskGuidedDetector`) and
            ``end``, the number of iterations (or epochs) of the run after which the next stage follows; the last one
            needs none.
        by_epoch: Whether ``end`` counts epochs rather than iterations. Defaults to True.

    Raises:
        ValueError: If a stage but the last has no ``end``, or the ends do not rise.
        TypeError: If the model has no stages.

    Before the training it raises a ValueError where a head has another number of classes than the data.

    Example:
        >>> TaskGuidanceHook([dict(stage='scene', end=40), dict(stage='joint')])
    """

    def __init__(self, stages: Sequence[dict], by_epoch: bool = True) -> None:
        ends = [stage.get('end') for stage in stages[:-1]]
        if not stages or None in ends or ends != sorted(set(ends)):
            raise ValueError(
                f'TaskGuidanceHook got stages={list(stages)}: every stage but the last needs an end, and the ends '
                "rise, as in [dict(stage='scene', end=40), dict(stage='joint')]."
            )
        self.stages = list(stages)
        self.by_epoch = by_epoch

    def before_train(self, runner: Runner) -> None:
        """Check that the model has stages, and these, and as many classes as the data."""
        model = bare_model(runner)
        if not hasattr(model, 'stage'):
            raise TypeError(f'TaskGuidanceHook got the model {type(model).__name__}, which has no stages; '
                            'it is for TaskGuidedDetector.')
        for stage in self.stages:
            model.stage = stage['stage']  # a misspelt name is found now, not when its turn comes
        check_class_count(model.task, getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('classes', ()))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Set the stage of this iteration."""
        stage = self.stage_at(runner.epoch if self.by_epoch else runner.iter)
        model = bare_model(runner)
        if model.stage != stage:
            model.stage = stage
            runner.logger.info(f'Iteration {runner.iter + 1}: training stage {stage!r}.')

    def stage_at(self, position: int) -> str:
        """Return the stage of the iteration or epoch ``position``, counted from 0."""
        for stage in self.stages[:-1]:
            if position < stage['end']:
                return stage['stage']
        return self.stages[-1]['stage']


def check_class_count(task: nn.Module, classes: Sequence[str]) -> None:
    """Raise a ValueError where a head of the task module has another number of classes than there are.

    Heads have ``num_classes`` in mmdet and mmseg alike; a region proposal network tells objects from background only.
    """
    for name, module in task.named_modules():
        count = getattr(module, 'num_classes', None)
        if classes and 'head' in name and 'rpn' not in name and isinstance(count, int) and count != len(classes):
            raise ValueError(
                f'{name} ({type(module).__name__}) has num_classes={count}, and the training data have {len(classes)} '
                f'classes ({", ".join(classes)}). Set --cfg-options model.task.{name}.num_classes={len(classes)}, or '
                'give the data set metainfo=dict(classes=...).')
