"""A small real training for the tests of resuming: every kind of state and of randomness that a run can have.

The model has BatchNorm and dropout, the pipeline draws from ``random``, NumPy and torch, the optimizer has momentum,
the schedulers go by epoch and by iteration, and EMA can be on.
"""
from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import nn

from mmfusenas.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS, VISUALIZERS

SAMPLES, BATCH_SIZE = 22, 4  # six batches an epoch, the last one smaller


@DATASETS.register_module(force=True)
class ToyDataset(BaseDataset):
    """Samples 0 to 21; ``reads`` lists those that were read in this process."""

    METAINFO = dict(classes=('a', 'b'), palette=[(1, 2, 3), (4, 5, 6)])
    reads: list[int] = []

    def __init__(self, **kwargs: Any) -> None:
        # Serialising the annotations collects all garbage, which takes longer than such a training.
        super().__init__(serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(index=index, img_path=f'visible/{index}.png', infrared_path=f'infrared/{index}.png',
                     width=10 + index % 3, height=11) for index in range(SAMPLES)]


@TRANSFORMS.register_module(force=True)
class ToyTransform:
    """Random numbers of three generators, around the index."""

    def __call__(self, results: dict) -> dict:
        ToyDataset.reads.append(results['index'])
        noise = torch.tensor([random.random(), np.random.rand(), float(torch.rand(()))])
        inputs = torch.full((3,), results['index'] / SAMPLES) + noise
        sample = BaseDataElement(metainfo={key: results[key] for key in ('index', 'img_path', 'infrared_path')})
        return dict(inputs=inputs, data_samples=sample)


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """Two losses of a small network; ``poison`` names a sample whose second loss is NaN."""

    def __init__(self, poison: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poison = poison
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))

    def forward(self, inputs: list, data_samples: list[BaseDataElement], mode: str) -> Any:
        out = self.layers(torch.stack(list(inputs)))
        if mode != 'loss':
            return [dict(value=value) for value in out]
        indices = [sample.index for sample in data_samples]
        target = torch.tensor(indices, dtype=out.dtype)[:, None] / SAMPLES
        scale = float('nan') if self.poison in indices else 1.
        parts = [out.abs().mean() * 0.1 * scale, out.mean() * 0]
        return dict(loss_square=(out - target).square().mean(), loss_parts=parts)


@METRICS.register_module(force=True)
class ToyMetric(BaseMetric):
    """Mean prediction plus a random number; none in the first ``silent`` validations; number ``stop`` breaks off."""

    def __init__(self, silent: int = 0, stop: int | None = None) -> None:
        super().__init__()
        self.silent, self.stop, self.calls = silent, stop, 0

    def process(self, data_batch: Any, data_samples: list[dict]) -> None:
        self.results += [float(sample['value']) for sample in data_samples]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        if self.calls <= self.silent:
            return dict(other=1.)
        return dict(mAP=float(np.mean(results)) + random.random(), other=1.)


@HOOKS.register_module(force=True)
class RecordHook(Hook):
    """Keep (iteration, losses) of the run, and stop it by an exception after ``stop`` iterations."""

    priority = 'LOWEST'

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop
        self.losses: list[tuple[int, float, float]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        smooth = runner.message_hub.get_scalar('train/loss').mean(4)
        self.losses.append((runner.iter, outputs['loss'].item(), float(smooth)))
        if runner.iter + 1 == self.stop:
            raise KeyboardInterrupt


@HOOKS.register_module(force=True)
class SignalHook(Hook):
    """Send this process signals after iteration ``at``, counted from 1, when all other hooks have done their work.

    Or after the epoch that ends with it.
    """

    priority = 'LOWEST'

    def __init__(self, at: int, numbers: list[int], epoch: bool = False) -> None:
        self.at, self.numbers, self.epoch = at, numbers, epoch

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if not self.epoch and runner.iter + 1 == self.at:
            self._send()

    def after_train_epoch(self, runner: Runner) -> None:
        if self.epoch and runner.iter == self.at:
            self._send()

    def _send(self) -> None:
        for number in self.numbers:
            os.kill(os.getpid(), number)


def config(work_dir: Path, loop: str = 'epoch', by_epoch: bool = False, interval: int = 4, workers: int = 0,
           ema: bool = True, **changes: Any) -> Config:
    """Return the config of the toy training: 3 epochs of 6 batches, or 18 iterations; validation in between."""
    loader = dict(
        dataset=dict(type='ToyDataset', pipeline=[dict(type='ToyTransform')]),
        sampler=dict(type='DefaultSampler', shuffle=True), batch_size=BATCH_SIZE, num_workers=workers,
        persistent_workers=workers > 0)
    train = dict(type='ResumableEpochTrainLoop', max_epochs=3) if loop == 'epoch' else dict(
        type='ResumableIterTrainLoop', max_iters=18, val_interval=5)
    config.runs = getattr(config, 'runs', 0) + 1
    cfg = Config(dict(
        default_scope='mmfusenas', work_dir=str(work_dir), experiment_name=f'toy-{config.runs}', log_level='WARNING',
        model=dict(type='ToyModel'), randomness=dict(seed=5), train_cfg=train, train_dataloader=loader,
        val_cfg=dict(), val_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False), num_workers=0,
                                            persistent_workers=False),
        val_evaluator=dict(type='ToyMetric'),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-3)),
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5),
                         dict(type='OneCycleLR', eta_max=0.02, total_steps=18, by_epoch=False),
                         dict(type='ExponentialLR', gamma=0.9, by_epoch=True)],
        default_hooks=dict(
            checkpoint=dict(
                type='SafeCheckpointHook', interval=interval, by_epoch=by_epoch, max_keep_ckpts=2, save_best='mAP'),
            record=dict(type='RecordHook'), guard=dict(type='LossGuardHook'),
            **(dict(ema=dict(type='EMAHook')) if ema else {})),
        custom_hooks=[],
        visualizer=dict(type='Visualizer', name=f'toy-{config.runs}')))
    cfg.merge_from_dict(changes)
    return cfg


def train(cfg: Config, stop: int | None = None, resume: bool = False) -> Runner:
    """Train, stopping after ``stop`` iterations, and return the runner."""
    cfg.default_hooks.record['stop'] = stop
    cfg.resume = resume
    # Only these parts as `cfg`: mmengine formats the whole of it, slowly, for every checkpoint.
    part = Config({key: cfg[key] for key in ('model', 'model_wrapper_cfg', 'optim_wrapper', 'param_scheduler')
                   if key in cfg})
    runner = Runner(cfg=part, **{key: value for key, value in cfg.items() if key != 'model_wrapper_cfg'})
    try:
        runner.train()
    except KeyboardInterrupt:
        pass
    # Left to the garbage collection, torch waits five seconds for each worker process.
    if hasattr(runner.train_loop, 'dataloader_iterator'):
        runner.train_loop.dataloader_iterator = None
    runner.train_dataloader._iterator = None
    return runner


def import_all() -> None:
    """Import what a Runner would, once for all processes that are forked afterwards."""
    for registry in (DATASETS, HOOKS, METRICS, MODELS, VISUALIZERS):
        registry.import_from_location()
    torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.).zero_grad()  # imports torch's compiler, which takes longest


def hook_of(runner: Runner, kind: str) -> Hook:
    """Return the runner's hook of a class."""
    return next(hook for hook in runner.hooks if type(hook).__name__ == kind)


def state(runner: Runner) -> dict[str, Any]:
    """Return everything that has to be equal in the end."""
    ema = [hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook']
    return dict(
        model=runner.model.state_dict(), optimizer=runner.optim_wrapper.state_dict(),
        ema=ema[0].ema_model.state_dict() if ema else None,
        lr=runner.optim_wrapper.get_lr(), torch=torch.get_rng_state(), python=random.getstate(),
        numpy=np.random.get_state()[1], best=runner.message_hub.get_info('best_score'),
        history=runner.message_hub.get_scalar('train/loss').data[0])


def differences(first: Any, second: Any, name: str = '') -> list[str]:
    """Return where two nested states differ by a single bit."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), (name, first.keys() ^ second.keys())
        return [line for key in first for line in differences(first[key], second[key], f'{name}.{key}')]
    if isinstance(first, (list, tuple)):
        assert len(first) == len(second), name
        return [line for i, pair in enumerate(zip(first, second)) for line in differences(*pair, f'{name}[{i}]')]
    if isinstance(first, (torch.Tensor, np.ndarray)):
        return [] if np.array_equal(np.asarray(first), np.asarray(second), equal_nan=True) else [name]
    return [] if first == second else [name]
