"""A head of another number of classes than the data is named, with no hook in the config."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmfusenas.engine.hooks import ClassCountHook
from mmfusenas.engine.hooks.class_count_hook import check_class_count
from mmfusenas.utils.launch import build_runner

pytest.importorskip('mmdet')


class Data(torch.utils.data.Dataset):
    def __init__(self, *classes: str) -> None:
        self.metainfo = dict(classes=classes)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict:
        raise AssertionError('nothing has to be read to know it')


def config(num_classes: int, work_dir: Path) -> Config:
    task = dict(
        type='RetinaNet', data_preprocessor=dict(type='DetDataPreprocessor'),
        backbone=dict(type='ResNet', depth=18, base_channels=4), neck=dict(type='FPN', out_channels=8, num_outs=5),
        bbox_head=dict(type='RetinaHead', num_classes=num_classes, in_channels=8, feat_channels=8, stacked_convs=1))
    loader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
    return Config(dict(
        model=dict(type='TaskGuidedDetector', scene=dict(type='FixedFusion', rule='average'), task=task),
        train_dataloader=dict(loader, dataset=Data('a', 'b')), train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=dict(loader, dataset=Data('a', 'b', 'c')), val_cfg={}, val_evaluator=[],
        test_dataloader=dict(loader, dataset=Data('a', 'b', 'c', 'd')), test_cfg={}, test_evaluator=[],
        default_scope='mmfusenas', work_dir=str(work_dir), launcher='none', experiment_name=work_dir.name))


@pytest.mark.parametrize(('num_classes', 'step', 'number'), [
    (80, 'train', 2), (2, 'train', 3), (80, 'val', 3), (80, 'test', 4)])
def test_a_runner_refuses_heads_of_other_data(num_classes: int, step: str, number: int, tmp_path: Path) -> None:
    init_default_scope('mmfusenas')
    runner = build_runner(config(num_classes, tmp_path))
    message = f'task.bbox_head .RetinaHead. has num_classes={num_classes}, and the data have {number} classes .a, b'
    with pytest.raises(ValueError, match=message):
        getattr(runner, step)()


def test_heads_of_other_things_and_data_without_names_are_left_alone() -> None:
    model = nn.ModuleDict({name: nn.Identity() for name in ('rpn_head', 'semantic_head', 'bbox_head', 'backbone')})
    for module, number in zip(model.values(), (1, 54, 3, 1000)):
        module.num_classes = number
    check_class_count(model, Data('a', 'b', 'c'))
    check_class_count(model, Data())
    check_class_count(model, object())
    with pytest.raises(ValueError, match='bbox_head'):
        check_class_count(model, Data('a'))
    assert ClassCountHook.priority == 'VERY_HIGH'
