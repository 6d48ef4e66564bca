"""Stages of task-guided training."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmfusenas.engine.dry_run import dry_run
from mmfusenas.engine.spans import Spans
from mmfusenas.registry import HOOKS
from mmfusenas.utils.bare_model import bare_model


@HOOKS.register_module()
class TaskGuidanceHook(Hook):
    """Move a task-guided model from stage to stage (TIM section 3.1: fusion first, then jointly with the task).

    A stage is a function of the iteration or epoch alone (:class:`Spans`), so a resumed run is in the right one by
    itself. What does not train in a stage is not in the graph; several processes need ``find_unused_parameters = True``
    in the config. A checkpoint of the stage ``'scene'`` is used without what has not learned yet.

    Args:
        stages: Dicts of ``stage`` (``'scene'``, ``'joint'`` or ``'task'``, see :class:`TaskGuidedDetector`) and
            ``end``, the number of iterations (or epochs) of the run after which the next stage follows; the last one
            needs none.
        by_epoch: Whether ``end`` counts epochs rather than iterations. Defaults to True.
        dry_run: Whether the first batch is run in the stage ``'joint'``, where there still is one, before it trains:
            what would not fit into memory then ends the training at its start (:func:`dry_run`). It takes the time of
            an iteration and changes nothing. Where the training begins with that stage, one sample is run, which is
            enough for an estimate. Defaults to True.

    Raises:
        ValueError: If a stage but the last has no ``end``, the ends do not rise, or a stage has another key.
        TypeError: If the model has no stages.

    Before the training it raises a ValueError where a head has another number of classes than the data, and a
    MemoryError where the joint stage does not fit into memory.

    Example:
        >>> hook = TaskGuidanceHook([dict(stage='scene', end=40), dict(stage='joint')])
        >>> [hook.stages[hook.spans.at(epoch)] for epoch in (0, 39, 40)]
        ['scene', 'scene', 'joint']
    """

    def __init__(self, stages: Sequence[dict], by_epoch: bool = True, dry_run: bool = True) -> None:
        self.spans = Spans('TaskGuidanceHook got stages', stages, ['stage'],
                           "[dict(stage='scene', end=40), dict(stage='joint')]", by_epoch)
        self.stages = [stage['stage'] for stage in stages]
        self.dry_run = dry_run
        self._begins = False

    def before_train(self, runner: Runner) -> None:
        """Check that the model has stages, and these, and as many classes as the data."""
        self.spans.check_loop(runner)
        check_stages(runner, 'TaskGuidanceHook')
        for stage in self.stages:
            bare_model(runner).stage = stage  # a misspelt name is found now, not when its turn comes
        self._begins = True

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Set the stage of this iteration, the first of which runs dry in the joint stage before it trains."""
        stage, *later = self.stages[self.spans.present(runner):]
        if self.dry_run and self._begins and 'joint' in (stage, *later):
            dry_run(runner, data_batch, 'joint', whole=stage != 'joint')
        self._begins = False
        model = bare_model(runner)
        if model.stage != stage:
            model.stage = stage
            runner.logger.info(f'Iteration {runner.iter + 1}: training stage {stage!r}.')

    def before_val_epoch(self, runner: Runner) -> None:
        """Set the stage that trained last: a resumed run may begin with the validation that was due."""
        if runner.iter:
            bare_model(runner).stage = self.stages[self.spans.past(runner)]

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the stage, for what only trained the scene module is used without the rest."""
        checkpoint['meta']['stage'] = bare_model(runner).stage


def check_stages(runner: Runner, hook: str) -> None:
    """Raise where a model has no stages, or a head of another number of classes than the training data.

    Heads have ``num_classes`` in mmdet and mmseg alike; a region proposal network tells objects from background only.

    Raises:
        TypeError: If the model has no stages.
        ValueError: If the number of classes differs.
    """
    model = bare_model(runner)
    if not hasattr(model, 'stage'):
        raise TypeError(f'{hook} got the model {type(model).__name__}, which has no stages; it is for RUASEnhancement, '
                        'TaskGuidedDetector and TaskGuidedSegmentor.')
    classes = getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('classes', ())
    for name, module in model.task.named_modules():
        count = getattr(module, 'num_classes', None)
        if classes and 'head' in name and 'rpn' not in name and isinstance(count, int) and count != len(classes):
            raise ValueError(
                f'{name} ({type(module).__name__}) has num_classes={count}, and the training data have {len(classes)} '
                f'classes ({", ".join(classes)}). Set --cfg-options model.task.{name}.num_classes={len(classes)}, or '
                'give the data set metainfo=dict(classes=...).')
