"""Stock configs of mmdet and mmseg behind a scene module: the network, and the optimizer and schedule that it has.

A config calls these functions, so that it stays short and a stock config stays where it is::

    from mmfusenas.utils.stock_config import stock_schedule, stock_task

    stock = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
    task = stock_task(stock, num_classes=3, size=(640, 480))
    model = dict(type='TaskGuidedDetector', scene=..., task=task)
    train_cfg, optim_wrapper, param_scheduler, custom_hooks = stock_schedule(stock, batch_size=4)

As a ``_base_`` beside a data set of one's own a stock config would define the same names a second time.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from math import ceil
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS, OPTIMIZERS, PARAM_SCHEDULERS, Registry

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.utils.config_files import packaged_config
from mmfusenas.utils.config_parts import type_name

_SCENE_RATE = 2.5e-4
"""Learning rate of the scene module beside a task that Adam or AdamW trains, as in ``schedules/adamw_2k.py``."""
_SCENE_MULT = 0.1
"""Its share of the task's rate with another optimizer."""
_STRIDES = 8, 16, 32, 64
"""Of the feature maps that a detector of queries chooses from."""


def read_stock(name: str) -> Config:
    """Read a stock config.

    Args:
        name: ``'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'`` of an installed package, or the path of a config.

    Raises:
        FileNotFoundError: If the package is not installed, or has no such config.

    Example:
        >>> read_stock('mmdet::fcos/fcos_r50_fpn_1x_coco.py')
        Traceback (most recent call last):
        mmfusenas.core.errors.FileError: mmdet has no config fcos/fcos_r50_fpn_1x_coco.py; the nearest is '...
    """
    if '::' in name:
        return Config.fromfile(packaged_config(name))
    if not Path(name).is_file():
        raise FileError(f'There is no config {name}: give a file, or one of a package: mmdet::fcos/NAME.py.')
    return Config.fromfile(name)


def stock_scope(cfg: Config) -> str:
    """Return the package whose parts a stock config names, ``'mmdet'`` or ``'mmseg'``.

    Raises:
        ValueError: If it is of another one.
    """
    scope = cfg.get('default_scope')
    if scope not in ('mmdet', 'mmseg'):
        raise InputError(f'{cfg.filename} has default_scope={scope!r}; a task is a config of mmdet or mmseg.')
    return scope


def stock_task(name: str, num_classes: int, size: tuple[int, int], weights: str | None = 'stock') -> dict[str, Any]:
    """Return the model of a stock config as the ``task`` of a task-guided one.

    Changed are: the number of classes of every head; ``SyncBN``, which needs a GPU, to ``BN``; the size that training
    images are padded to or resized to in batches; the number of queries, where an image of ``size`` has fewer
    positions; sliding windows in a test, to whole images.

    Args:
        name: As of :func:`read_stock`.
        num_classes: Of the data.
        size: Width and height of the training images; of a segmentor that of the crops.
        weights: ``'stock'`` keeps the pretrained weights that the config names (usually the backbone's), None begins
            from scratch with nothing frozen, and a file of weights, of the same config trained on COCO for instance,
            fills what fits of the whole model.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If it predicts masks of objects, which pairs with boxes have none of.

    Example:
        >>> task = stock_task('mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', 3, (640, 480), weights=None)
        >>> task['bbox_head']['num_classes'], task['backbone']['init_cfg'], task['_scope_']
        (3, None, 'mmdet')
    """
    cfg = read_stock(name)
    task = deepcopy(cfg.model.to_dict())
    if any('mask_head' in path or key == 'num_things_classes' for path, _, key in _keys(task)):
        raise InputError(f'{name} predicts masks of objects. Give a config of a detector or a segmentor.')
    task.update(_scope_=stock_scope(cfg))
    if 'data_preprocessor' not in task:
        task['data_preprocessor'] = deepcopy(cfg.get('data_preprocessor'))
    set_classes(task, num_classes)
    for _, node, key in list(_keys(task)):
        if node[key] == 'SyncBN':
            node[key] = 'BN'
    (_set_crop if task['_scope_'] == 'mmseg' else _set_detector_size)(task, size)
    if weights != 'stock':
        _set_weights(task, weights)
    return task


def named_weights(task: dict[str, Any]) -> list[str]:
    """Return the weights that the parts of a task begin with, as its config names them.

    Example:
        >>> named_weights(stock_task('mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', 3, (640, 480)))
        ['open-mmlab://detectron/resnet50_caffe']
    """
    named = [node[key] for _, node, key in _keys(task)
             if key == 'pretrained' or (key == 'checkpoint' and node.get('type') == 'Pretrained')]
    return [name for name in dict.fromkeys(named) if name]


def set_classes(task: dict[str, Any], num_classes: int) -> None:
    """Set the number of classes of every head of a task, in place; weights of its former classes go."""
    for path, node, key in list(_keys(task)):
        if key == 'num_classes' and 'head' in path and 'rpn' not in path and 'semantic' not in path:
            node[key] = num_classes
        elif key == 'class_weight' and isinstance(node[key], (list, tuple)):
            node[key] = None


def stock_schedule(name: str, batch_size: int, length: int | None = None, warmup: int | None = None,
                   ) -> tuple[dict, dict, list[dict], list[dict]]:
    """Return what a stock config trains with: ``train_cfg``, ``optim_wrapper``, ``param_scheduler``, ``custom_hooks``.

    Learning rates go with the batch size, as OpenMMLab scales them. The scene module has a rate of its own. Of the
    hooks the average of the weights (``EMAHook``) stays; those that change mmdet's own pipeline go.

    Args:
        name: As of :func:`read_stock`.
        batch_size: Of the training, in one process.
        length: Epochs of the training or, where the stock one counts iterations, iterations. The schedule is
            stretched to it. None: its own.
        warmup: Most iterations of a warm-up that counts iterations in a training by epochs; of a small data set the
            stock ones would be the whole training. None: its own.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If its learning rates depend on the names of the layers in a way of its own.

    Example:
        >>> schedule = stock_schedule('mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', batch_size=4, length=24)
        >>> schedule[0], schedule[1]['optimizer']['lr'], schedule[2][1]['milestones']
        ({'type': 'ResumableEpochTrainLoop', 'max_epochs': 24, 'val_interval': 1}, 0.0025, [16, 22])
    """
    cfg = read_stock(name)
    scope, rate = stock_scope(cfg), batch_size / _base_batch_size(name, cfg)
    loop, unit = deepcopy(cfg.train_cfg.to_dict()), 'max_iters' if 'max_iters' in cfg.train_cfg else 'max_epochs'
    factor = length / loop[unit] if length else 1
    train_cfg = dict(
        type='ResumableIterTrainLoop' if unit == 'max_iters' else 'ResumableEpochTrainLoop',
        **{unit: length or loop[unit]}, val_interval=loop.get('val_interval', 1))
    if unit == 'max_iters':
        train_cfg['val_interval'] = max(1, round(train_cfg['val_interval'] * factor))
    train_cfg['val_interval'] = min(train_cfg['val_interval'], train_cfg[unit])
    schedulers = cfg.get('param_scheduler') or []
    schedulers = [_stretched(scheduler.to_dict(), factor, rate, unit == 'max_epochs', warmup) for scheduler in (
        schedulers if isinstance(schedulers, list) else [schedulers])]
    schedulers = [dict(scheduler, type=_scoped(scheduler['type'], PARAM_SCHEDULERS, scope)) for scheduler in schedulers
                  if scheduler.get('end') is None or scheduler.get('begin', 0) < scheduler['end']]
    hooks = [dict(hook.to_dict(), type=_scoped(hook['type'], HOOKS, scope)) for hook in cfg.get('custom_hooks') or []
             if type_name(hook) == 'EMAHook']
    for hook in hooks:
        hook['ema_type'] = _scoped(hook.get('ema_type', 'ExponentialMovingAverage'), MODELS, scope)
    return train_cfg, _optimizer(name, cfg, scope, rate), schedulers, hooks


def _optimizer(name: str, cfg: Config, scope: str, rate: float) -> dict[str, Any]:
    """Return the optimizer of a stock config at ``rate`` times its learning rate, with one for the scene module."""
    wrapper = deepcopy(cfg.optim_wrapper.to_dict())
    if wrapper.get('constructor', 'DefaultOptimWrapperConstructor') != 'DefaultOptimWrapperConstructor':
        raise InputError(f'{name} has the learning rates of {wrapper["constructor"]}, which knows the layers of a '
                         'backbone that stands alone. Give an optim_wrapper of your own.')
    optimizer = wrapper['optimizer']
    optimizer.update(type=_scoped(optimizer['type'], OPTIMIZERS, scope), lr=optimizer['lr'] * rate)
    mult = min(1.0, _SCENE_RATE / optimizer['lr']) if 'Adam' in optimizer['type'] else _SCENE_MULT
    paramwise = wrapper.get('paramwise_cfg') or {}
    paramwise['custom_keys'] = dict(paramwise.get('custom_keys') or {}, scene=dict(lr_mult=mult))
    paramwise['bypass_duplicate'] = True  # heads that share layers between levels name a weight twice
    wrapper.update(type='OptimWrapper', paramwise_cfg=paramwise)  # of mixed precision by --amp
    for key in ('loss_scale', 'dtype'):
        wrapper.pop(key, None)
    return wrapper


def _base_batch_size(name: str, cfg: Config) -> int:
    """Return the batch size, over all GPUs, that the learning rate of a stock config is for."""
    named = re.search(r'_(\d+)xb(\d+)[-_]', Path(name).name)  # GPUs x images
    if named:  # some that say so inherit another base_batch_size
        return int(named[1]) * int(named[2])
    return (cfg.get('auto_scale_lr') or {}).get('base_batch_size') or 8 * cfg.train_dataloader.batch_size


def _stretched(scheduler: dict, factor: float, rate: float, by_epoch: bool, warmup: int | None) -> dict:
    """Return a scheduler of a training that is ``factor`` times as long, of ``rate`` times the learning rate."""
    if 'eta_min' in scheduler:
        scheduler['eta_min'] *= rate
    if scheduler.get('by_epoch', True) != by_epoch:  # iterations of a warm-up
        if warmup is not None and scheduler.get('end') is not None:
            scheduler['end'] = min(scheduler['end'], warmup)
        return scheduler
    for key in ('begin', 'end', 'T_max', 'step_size', 'total_iters'):
        if isinstance(scheduler.get(key), int):
            scheduler[key] = max(0 if key == 'begin' else 1, round(scheduler[key] * factor))
    if 'milestones' in scheduler:
        scheduler['milestones'] = sorted({max(1, round(step * factor)) for step in scheduler['milestones']})
    return scheduler


def _scoped(kind: str | Callable, registry: Registry, scope: str) -> str:
    """Return a type as the scope ``mmfusenas`` names it: with its package, where mmengine has none of that name."""
    kind = kind if isinstance(kind, str) else kind.__name__
    return kind if '.' in kind or kind in registry.module_dict else f'{scope}.{kind}'


def _set_crop(task: dict, size: tuple[int, int]) -> None:
    """Let a segmentor train on crops of a size, and test whole images."""
    task['data_preprocessor'].pop('size_divisor', None)
    task['data_preprocessor']['size'] = (size[1], size[0])
    task['test_cfg'] = dict(mode='whole')


def _set_detector_size(task: dict, size: tuple[int, int]) -> None:
    """Fit batches and numbers of queries to images of a size."""
    width, height = size
    augments = task['data_preprocessor'].get('batch_augments') or []
    augments = [augment for augment in augments if augment['type'] != 'BatchFixedSizePad']
    for augment in augments:
        if augment['type'] == 'BatchSyncRandomResize':  # of the height
            augment['random_size_range'] = (max(32, round(0.75 * height)), max(32, round(1.25 * height)))
    task['data_preprocessor']['batch_augments'] = augments or None
    if task.get('num_queries'):
        if task.get('as_two_stage'):
            positions = sum(ceil(width / stride) * ceil(height / stride) for stride in _STRIDES)
            task['num_queries'] = min(task['num_queries'], positions)
        most = (task.get('test_cfg') or {}).get('max_per_img')
        if most:
            task['test_cfg']['max_per_img'] = min(most, task['num_queries'])


def _set_weights(task: dict, weights: str | None) -> None:
    """Begin from a file of weights of the whole task, or from scratch with nothing frozen."""
    for _, node, key in list(_keys(task)):
        if key == 'pretrained' or (key == 'init_cfg' and isinstance(node[key], dict)
                                   and node[key].get('type') == 'Pretrained'):
            node[key] = None
    if weights is not None:
        task['init_cfg'] = dict(type='Pretrained', checkpoint=weights)
        return
    backbone = task['backbone']
    for key, value in dict(frozen_stages=-1, norm_eval=False).items():
        if key in backbone:
            backbone[key] = value
    if isinstance(backbone.get('norm_cfg'), dict):
        backbone['norm_cfg']['requires_grad'] = True


def _keys(node: Any, path: str = '') -> Iterator[tuple[str, dict, str]]:
    """Yield every key of nested dicts: the path to its dict, the dict, and the key."""
    if isinstance(node, dict):
        for key in list(node):
            yield path, node, key
            yield from _keys(node[key], f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for inner in node:
            yield from _keys(inner, path)
