"""Stages of task-guided training."""
from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import IterBasedTrainLoop
from torch import nn

from mmfusenas.engine.hooks import TaskGuidanceHook
from mmfusenas.engine.hooks.task_guidance_hook import check_stages

STAGES = dict(scene_length=3, task_length=2, final_stage='joint')


class Staged(BaseModel):
    stage = 'joint'
    task = nn.Identity()

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


def runner(model, **position):
    data = SimpleNamespace(dataset=SimpleNamespace(metainfo={}))
    position = dict(dict(epoch=0, iter=0, train_loop=None, train_dataloader=data), **position)
    return SimpleNamespace(model=model, logger=MMLogger.get_instance('stages'), **position)


@pytest.mark.parametrize('by_epoch, counter', [(True, 'epoch'), (False, 'iter')])
def test_the_stage_is_a_function_of_the_position(by_epoch, counter):
    hook = TaskGuidanceHook(**STAGES, by_epoch=by_epoch)
    seen = []
    for position in range(7):
        model = Staged()  # as after a resume: nothing is remembered
        hook.before_train_iter(runner(model, **{counter: position}), 0)
        seen.append(model.stage)
    assert seen == ['scene'] * 3 + ['task'] * 2 + ['joint'] * 2


@pytest.mark.parametrize(('stages', 'order'), [
    (dict(), ['joint']), (dict(final_stage='task'), ['task']), (dict(scene_length=2), ['scene', 'joint']),
    (dict(task_length=4, scene_length=1, final_stage='task'), ['scene', 'task', 'task'])])
def test_stages_of_no_length_are_left_out(stages, order):
    assert TaskGuidanceHook(**stages).stages == order


@pytest.mark.parametrize('stages', [
    dict(scene_length=-1), dict(task_length=2.5), dict(scene_length='3'), dict(final_stage='joit')])
def test_stages_that_cannot_be_followed_are_named(stages):
    (name, value), = stages.items()
    with pytest.raises(ValueError, match=f'{name}={value!r}'):
        TaskGuidanceHook(**stages)


@pytest.mark.parametrize('by_epoch, counter', [(True, 'epoch'), (False, 'iter')])
def test_a_validation_is_of_the_stage_that_trained_last(by_epoch, counter):
    hook = TaskGuidanceHook(**STAGES, by_epoch=by_epoch)
    seen = []
    for position in range(1, 7):
        model = Staged()
        hook.before_val_epoch(runner(model, **{'iter': 9, counter: position}))
        seen.append(model.stage)
    assert seen == ['scene'] * 3 + ['task'] * 2 + ['joint']


def test_a_checkpoint_notes_its_stage():
    checkpoint = dict(meta={})
    TaskGuidanceHook(**STAGES).before_save_checkpoint(runner(Staged()), checkpoint)
    assert checkpoint == dict(meta=dict(stage='joint'))


def test_stages_by_epoch_of_a_training_by_iterations_are_named():
    by_iterations = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    with pytest.raises(ValueError, match='set by_epoch=False: IterBasedTrainLoop has no epochs'):
        TaskGuidanceHook(**STAGES).before_train(runner(Staged(), train_loop=by_iterations))


def test_a_model_without_stages_is_named():
    class Plain(BaseModel):
        def forward(self, inputs, data_samples=None, mode='tensor'):
            return inputs

    with pytest.raises(TypeError, match='Plain'):
        TaskGuidanceHook(**STAGES).before_train(runner(Plain()))


def test_a_head_of_another_number_of_classes_is_named():
    task = nn.Module()
    task.rpn_head, task.bbox_head = nn.Module(), nn.Module()
    task.rpn_head.num_classes, task.bbox_head.num_classes = 1, 2
    model = nn.Module()
    model.task, model.stage = task, 'joint'

    def training(*classes):
        loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes)))
        return runner(model, train_dataloader=loader)

    check_stages(training('car', 'person'), 'Hook')
    with pytest.raises(ValueError, match=r'bbox_head .* num_classes=2, .* 3 classes \(car, person, bike\)'):
        check_stages(training('car', 'person', 'bike'), 'Hook')
