"""Pretext meta-initialisation: its gradients, its streams, and its resume."""

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from kits import search as kit
from mmfusenas.engine.loops.meta_init_loop import _keep_mean
from mmfusenas.registry import DATASETS, MODELS

RATE, STEPS = 0.05, 3


@DATASETS.register_module(force=True)
class Slopes(torch.utils.data.Dataset):
    """Points x with the target ``slope * x``."""

    metainfo: dict = {}

    def __init__(self, slope):
        self.slope = slope

    def __len__(self):
        return 6

    def __getitem__(self, index):
        x = torch.tensor([float(index), 1.0], dtype=torch.float64) / 5
        return dict(inputs=x, data_samples=self.slope * x.sum())


@MODELS.register_module(force=True)
class Line(BaseModel):
    """Squared error of a cubic function of two weights: its curvature depends on the weights."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.3, -0.2], dtype=torch.float64))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = torch.stack(list(inputs)) if isinstance(inputs, (list, tuple)) else inputs
        y = x @ self.weight + (x @ self.weight) ** 3
        target = torch.stack(list(data_samples)) if isinstance(data_samples, (list, tuple)) else data_samples
        return dict(loss=(y - target).square().mean())


def config(work_dir, second_order, max_iters=1, slopes=(1.0, -2.0), **changes):
    cfg = kit.config(work_dir)
    cfg.model = dict(type='Line')
    cfg.train_dataloader = dict(
        batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='AlternatingDataset', datasets=[dict(type='Slopes', slope=slope) for slope in slopes]))
    cfg.train_cfg = dict(type='MetaInitLoop', max_iters=max_iters, steps=STEPS, second_order=second_order,
                         inner_optimizer=dict(type='SGD', lr=RATE))
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=1.0))
    cfg.merge_from_dict(changes)
    return cfg


def outer_loss(runner, omega, tasks):
    """f summed over the tasks at the weights that the plain SGD steps reach, by finite differences of everything."""
    total = 0.0
    for batches in tasks:
        weight = omega.clone()
        for number, batch in enumerate(batches):
            weight = weight.detach().requires_grad_()
            data = runner.model.data_preprocessor(batch, True)
            loss = torch.func.functional_call(runner.model, dict(weight=weight), (), dict(data, mode='loss'))['loss']
            if number == STEPS:
                total = total + loss.item()
            else:
                weight = weight - RATE * torch.autograd.grad(loss, weight)[0]
    return total


@pytest.mark.parametrize('second_order', [True, False])
def test_the_step_is_the_gradient_of_what_the_tasks_reach(tmp_path, second_order):
    runner = Runner.from_cfg(config(tmp_path, second_order))
    omega = runner.model.weight.detach().clone()
    runner.train()
    step = omega - runner.model.weight.detach()  # the outer rate is 1
    loop = runner.train_loop
    loop.dataloader_iterator.seek(0)
    tasks = next(loop.dataloader_iterator)
    assert [len(batches) for batches in tasks] == [STEPS + 1] * 2
    h = 1e-6
    exact = torch.tensor([
        (outer_loss(runner, omega + h * unit, tasks) - outer_loss(runner, omega - h * unit, tasks)) / (2 * h)
        for unit in torch.eye(2, dtype=torch.float64)], dtype=torch.float64)
    if second_order:
        torch.testing.assert_close(step, exact, rtol=1e-5, atol=1e-7)
    else:
        # The gradient of f where the steps end: another one, that points the same way.
        at_the_end = sum(_gradient_at_the_end(runner, omega, batches) for batches in tasks)
        torch.testing.assert_close(step, at_the_end)
        assert not torch.allclose(step, exact, rtol=1e-2) and (step @ exact) > 0


def _gradient_at_the_end(runner, omega, batches):
    weight = omega.clone()
    for batch in batches:
        weight = weight.detach().requires_grad_()
        data = runner.model.data_preprocessor(batch, True)
        loss = torch.func.functional_call(runner.model, dict(weight=weight), (), dict(data, mode='loss'))['loss']
        gradient = torch.autograd.grad(loss, weight)[0]
        weight = weight - RATE * gradient
    return gradient


def test_weights_learned_this_way_adapt_faster(tmp_path):
    # Slopes on both sides of 0: from the middle every task is near, which single-task training does not give.
    runner = Runner.from_cfg(config(tmp_path, True, max_iters=60, **{'optim_wrapper.optimizer.lr': 0.05}))
    before = runner.model.weight.detach().clone()
    runner.train()
    after = runner.model.weight.detach()
    unseen = config(tmp_path / 'unseen', True, slopes=(0.5, -1.0))
    tasks = next(Runner.from_cfg(unseen).build_train_loop(unseen.train_cfg).dataloader_iterator)
    assert outer_loss(runner, after, tasks) < outer_loss(runner, before, tasks)


def fusion(work_dir, **changes):
    cfg = kit.config(work_dir)
    cfg.model = dict(type='TIMFusion', genotype='tim-light', channels=4, loss=dict(type='FusionLoss'))
    parts = [kit.loader(offset=offset) for offset in (0, 100, 200)]
    cfg.train_dataloader = dict(parts[0], dataset=dict(
        type='AlternatingDataset', datasets=[part['dataset'] for part in parts]))
    cfg.train_cfg = dict(type='MetaInitLoop', max_iters=6, steps=2)
    cfg.optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
    cfg.merge_from_dict(changes)
    return cfg


def test_resumed_initialisation_is_the_same(tmp_path):
    whole = kit.train(fusion(tmp_path / 'whole'))
    for stop in (2, 3, 5, None):
        cfg = fusion(tmp_path / 'parts')
        cfg.default_hooks.stop.stop = stop
        part = kit.train(cfg, resume=True)
    first, second = whole.model.state_dict(), part.model.state_dict()
    assert whole.iter == part.iter == 6 and all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(RuntimeError, match='steps: 2 then, 3 now'):
        kit.train(fusion(tmp_path / 'parts', train_cfg=dict(steps=3, max_iters=8)), resume=True)
    with pytest.raises(RuntimeError, match='outer_loss: None then, .*FusionLoss'):
        other = dict(type='FusionLoss', ssim_weight=0.0)
        kit.train(fusion(tmp_path / 'parts', train_cfg=dict(outer_loss=other, max_iters=8)), resume=True)
    cfg = fusion(tmp_path / 'parts', train_cfg=dict(max_iters=8))
    cfg.train_dataloader.dataset.datasets[-1].length = 7
    with pytest.raises(RuntimeError, match='task_samples: '):
        kit.train(cfg, resume=True)


def test_statistics_are_kept_and_the_result_is_loaded(tmp_path):
    runner = kit.train(fusion(tmp_path))
    buffers = dict(runner.model.named_buffers())
    assert any(name.endswith('running_mean') and value.abs().sum() > 0 for name, value in buffers.items())
    checkpoint = str(tmp_path / 'iter_6.pth')
    model = MODELS.build(dict(type='mmfusenas.TIMFusion', genotype='tim-light', channels=4,
                              init_cfg=dict(type='Pretrained', checkpoint=checkpoint)))
    model.init_weights()
    for name, value in runner.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_statistics_are_the_mean_over_the_tasks():
    norm = nn.BatchNorm1d(2)
    names = list(dict(norm.named_buffers()))
    tasks = [dict(running_mean=torch.tensor([1.0, -2.0]), running_var=torch.tensor([2.0, 4.0]),
                  num_batches_tracked=torch.tensor(5)),
             dict(running_mean=torch.tensor([3.0, 0.0]), running_var=torch.tensor([1.0, 8.0]),
                  num_batches_tracked=torch.tensor(4))]
    _keep_mean(norm, [[task[name] for name in names] for task in tasks])
    assert norm.running_mean.tolist() == [2.0, -1.0] and norm.running_var.tolist() == [1.5, 6.0]
    assert norm.num_batches_tracked == 5


@pytest.mark.parametrize('change', [dict(steps=0), dict(dataset=None)])
def test_what_it_needs_is_said(tmp_path, change):
    cfg = fusion(tmp_path)
    if 'steps' in change:
        cfg.train_cfg.steps = 0
    else:
        cfg.train_dataloader = kit.loader()
    with pytest.raises(ValueError, match='MetaInitLoop got steps='):
        Runner.from_cfg(cfg).train()


def test_mixed_precision_is_refused(tmp_path):
    runner = Runner.from_cfg(fusion(tmp_path, **{'optim_wrapper.type': 'CPUAmpOptimWrapper'}))
    with pytest.raises(ValueError, match='--amp'):
        runner.train()


def test_weights_never_see_a_loss_that_is_not_finite(tmp_path):
    runner = Runner.from_cfg(config(tmp_path, False, slopes=(1.0, 1e200)))
    before = runner.model.weight.detach().clone()
    with pytest.raises(FloatingPointError, match=r'not finite, of the tasks \[1\]'):
        runner.train()
    assert torch.equal(runner.model.weight, before)


@MODELS.register_module(force=True)
class ScoredLine(Line):
    """A line with a loss of its own, as scene modules have one."""

    def __init__(self):
        super().__init__()
        self.loss = Scaled(1.0)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return {name: self.loss(value)
                for name, value in super().forward(inputs, data_samples, mode).items()}


@MODELS.register_module(force=True)
class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, loss):
        return self.factor * loss


@pytest.mark.parametrize('second_order', [True, False])
def test_another_outer_loss_takes_the_place_of_f_alone(tmp_path, second_order):
    steps = []
    for factor in (None, 3.0):
        cfg = config(tmp_path / str(factor), second_order)
        cfg.model = dict(type='ScoredLine')
        if factor:
            cfg.train_cfg.outer_loss = dict(type='Scaled', factor=factor)
        runner = Runner.from_cfg(cfg)
        omega = runner.model.weight.detach().clone()
        runner.train()
        steps.append(omega - runner.model.weight.detach())
        assert runner.model.loss.factor == 1.0
    torch.testing.assert_close(steps[1], 3 * steps[0])


def test_an_outer_loss_needs_a_scene_module(tmp_path):
    cfg = config(tmp_path, False, **{'train_cfg.outer_loss': dict(type='Scaled', factor=2.0)})
    with pytest.raises(ValueError, match='no scene module'):
        Runner.from_cfg(cfg).train()
