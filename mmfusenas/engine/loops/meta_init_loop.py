"""Pretext meta-initialisation: weights from which every fusion task is learned in a few steps."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce as differentiable_all_reduce
from torch.func import functional_call

from mmfusenas.core.errors import InputError, NotFiniteError
from mmfusenas.datasets.resumable_dataloader import BatchStream, build_resumable_dataloader
from mmfusenas.engine.loops.resumable import run_seed
from mmfusenas.engine.loops.resumable_iter_train_loop import ResumableIterTrainLoop
from mmfusenas.nas.hypergrad.vectors import average, fill
from mmfusenas.registry import LOOPS, MODELS
from mmfusenas.utils.checkpoint import plain
from mmfusenas.utils.unwrap_model import unwrap_model

Batches = Sequence[dict]


@LOOPS.register_module()
class MetaInitLoop(ResumableIterTrainLoop):
    r"""Learn the initial weights omega of a fusion network over several tasks (TIM eq. 5, algorithm 1, lines 6-13).

    One iteration: for every task the weights start at omega and take ``steps`` gradient steps on the task's own
    batches (line 9); the model's loss f at the weights reached, on one more batch, measures how well it went; omega
    takes one step of the Runner's optimizer along the sum over the tasks of f's gradient (line 11). f measures the
    information kept: by itself it is the loss of the steps, which weighs the sources by theirs. The BatchNorm
    statistics kept are the mean over the tasks. A checkpoint is the result: ``load_from``, or ``init_cfg`` of the
    scene module.

    Resumes exactly, as its base does. Mixed precision is not for it.

    Args:
        runner: Runner.
        dataloader: Config of the training dataloader whose dataset is an :class:`AlternatingDataset`: its parts are
            the tasks, each with a stream of its own.
        max_iters: Iterations to train.
        steps: K, gradient steps a task. Defaults to 4 (table 9).
        inner_optimizer: Optimizer of these steps, a new one for each task. Defaults to Adam with 1e-3.
        outer_loss: Config of a scene loss that takes the place of the model's own in f, such as
            ``dict(type='FusionLoss', form='information', features='efficientnet-lite0')``. Defaults to None (the
            model's).
        second_order: Whether f is differentiated through the steps, which then are plain SGD with the learning rate of
            ``inner_optimizer``; by default its gradient at the weights reached counts as that at omega.
        val_begin, val_interval, dynamic_intervals: As of the base.

    Raises:
        ValueError: If the dataset is no AlternatingDataset, ``steps`` is below 1, the optimizer wrapper is another
            than the plain one, or ``outer_loss`` is given and the model has no ``loss``.
        FloatingPointError: If f is not finite, before the weights see it.

    Example:
        >>> train_cfg = dict(type='MetaInitLoop', max_iters=2000, steps=4)
    """

    def __init__(self, runner: Runner, dataloader: dict, max_iters: int, steps: int = 4,
                 inner_optimizer: dict | None = None, outer_loss: dict | None = None, second_order: bool = False,
                 **kwargs) -> None:
        tasks = dataloader['dataset'].get('datasets') if isinstance(dataloader, dict) else None
        if not tasks or steps < 1:
            raise InputError(f'MetaInitLoop got steps={steps} and a dataset of {len(tasks or ())} tasks; give at least '
                             "one step, and an AlternatingDataset: dataset=dict(type='AlternatingDataset', "
                             'datasets=[...]).')
        super().__init__(runner, dict(dataloader, dataset=tasks[0]), max_iters, **kwargs)
        self.steps, self.second_order = steps, second_order
        self.inner_optimizer = inner_optimizer or dict(type='Adam', lr=1e-3)
        self.outer_loss_cfg = outer_loss
        self.outer_loss = MODELS.build(outer_loss).to(get_device()) if outer_loss else None
        if outer_loss and not isinstance(getattr(unwrap_model(runner), 'loss', None), nn.Module):
            raise InputError(f'MetaInitLoop got outer_loss={outer_loss}, and {type(unwrap_model(runner)).__name__} is '
                             'no scene module with a loss of its own; leave it out.')
        others = [build_resumable_dataloader(dict(dataloader, dataset=task), run_seed(runner), endless=True)
                  for task in tasks[1:]]
        self.dataloader_iterator = TaskStreams([self.dataloader, *others], steps + 1)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs to know, with K, the inner steps and the number of tasks."""
        sizes = [len(stream.dataloader.dataset) for stream in self.dataloader_iterator.streams]
        return dict(super().state_dict(), steps=self.steps, tasks=len(sizes), task_samples=sizes,
                    inner_optimizer=dict(self.inner_optimizer), second_order=self.second_order,
                    outer_loss=plain(self.outer_loss_cfg))

    def run_iter(self, data_batch: Sequence[Batches]) -> None:
        """Take one step on omega; ``data_batch`` holds for each task ``steps`` batches and the one that f looks at."""
        if type(self.runner.optim_wrapper) is not OptimWrapper:
            raise InputError('MetaInitLoop takes its gradients itself, so it does with a plain OptimWrapper, not a '
                             f'{type(self.runner.optim_wrapper).__name__}. Leave out --amp.')
        self._validated = False
        self.runner.call_hook('before_train_iter', batch_idx=self._iter, data_batch=data_batch)
        outputs = self._step(data_batch)
        self.runner.call_hook('after_train_iter', batch_idx=self._iter, data_batch=data_batch, outputs=outputs)
        self._iter += 1

    def _take_seed(self) -> None:
        super()._take_seed()
        self.dataloader_iterator.reseed(self.dataloader.dataset.seed)

    def _step(self, tasks: Sequence[Batches]) -> dict[str, Tensor]:
        model, wrapper = unwrap_model(self.runner), self.runner.optim_wrapper
        weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        start = {name: value.detach().clone() for name, value in model.state_dict().items()}
        adapted = self._through_the_steps if self.second_order else self._at_the_end
        losses, sums, statistics = [], None, []
        for batches in tasks:
            loss, grads = adapted(model, weights, [model.data_preprocessor(batch, True) for batch in batches])
            losses.append(loss)
            sums = grads if sums is None else [a + b for a, b in zip(sums, grads)]
            statistics.append([buffer.detach().clone() for buffer in model.buffers()])
            model.load_state_dict(start)
        broken = [i for i, loss in enumerate(losses) if not torch.isfinite(loss)]
        if broken:
            raise NotFiniteError(f'At iteration {self._iter + 1} the loss after the inner steps is not finite, of '
                                 f'the tasks {broken}. Lower the learning rate of inner_optimizer, or look at '
                                 'their images with tools/analysis_tools/check_dataset.py.')
        for weight, grad in zip(weights.values(), average(sums, list(weights.values())), strict=True):
            weight.grad = grad
        wrapper.step()
        wrapper.zero_grad()
        _keep_mean(model, statistics)
        return dict(loss=torch.stack(losses).mean(), **{f'loss_task{i}': loss for i, loss in enumerate(losses)})

    def _at_the_end(self, model: nn.Module, weights: dict[str, nn.Parameter],
                    batches: Batches) -> tuple[Tensor, list[Tensor]]:
        """Return f and its gradient at the weights that the steps of a task reach."""
        parameters = list(weights.values())
        optimizer = OPTIMIZERS.build(dict(self.inner_optimizer, params=parameters))
        for batch in batches[:-1]:
            grads = torch.autograd.grad(_loss(model, batch), parameters, allow_unused=True)
            for parameter, grad in zip(parameters, average(fill(list(grads), parameters), parameters)):
                parameter.grad = grad
            optimizer.step()
        optimizer.zero_grad()
        with self._measuring(model):
            loss = _loss(model, batches[-1])
        return loss.detach(), fill(list(torch.autograd.grad(loss, parameters, allow_unused=True)), parameters)

    def _through_the_steps(self, model: nn.Module, weights: dict[str, nn.Parameter],
                           batches: Batches) -> tuple[Tensor, list[Tensor]]:
        """Return f at the weights that the steps of a task reach, and its gradient at omega."""
        reached = dict(weights)
        for batch in batches[:-1]:
            loss = model.parse_losses(functional_call(model, reached, (), dict(batch, mode='loss')))[0]
            grads = torch.autograd.grad(loss, list(reached.values()), create_graph=True, allow_unused=True)
            grads = _mean_of_ranks(fill(list(grads), list(reached.values())))
            reached = {name: value - self.inner_optimizer['lr'] * grad
                       for (name, value), grad in zip(reached.items(), grads)}
        with self._measuring(model):
            loss = model.parse_losses(functional_call(model, reached, (), dict(batches[-1], mode='loss')))[0]
        parameters = list(weights.values())
        return loss.detach(), fill(list(torch.autograd.grad(loss, parameters, allow_unused=True)), parameters)

    @contextmanager
    def _measuring(self, model: nn.Module) -> Iterator[None]:
        """Let the model's loss be f inside the block."""
        if self.outer_loss is None:
            yield
            return
        own, model.loss = model.loss, self.outer_loss
        try:
            yield
        finally:
            model.loss = own


class TaskStreams:
    """Batches of several tasks, so many of each at a time, from any position on."""

    def __init__(self, dataloaders: Sequence[Any], each: int) -> None:
        self.streams = [BatchStream(dataloader) for dataloader in dataloaders]
        self.each = each

    def seek(self, position: int) -> None:
        """Continue after ``position`` calls of ``next``."""
        for stream in self.streams:
            stream.seek(position * self.each)

    def reseed(self, seed: int) -> None:
        """Take another seed, in all tasks."""
        for stream in self.streams:
            stream.reseed(seed)

    def __next__(self) -> list[list[dict]]:
        return [[next(stream) for _ in range(self.each)] for stream in self.streams]


def _loss(model: nn.Module, data: dict) -> Tensor:
    return model.parse_losses(model(**data, mode='loss'))[0]


def _mean_of_ranks(grads: list[Tensor]) -> list[Tensor]:
    """Return the means over the processes, which can be differentiated, in one reduction."""
    if get_world_size() == 1:
        return grads
    flat = differentiable_all_reduce(torch.cat([grad.flatten() for grad in grads])) / get_world_size()
    return [mean.view_as(grad) for mean, grad in zip(flat.split([grad.numel() for grad in grads]), grads)]


@torch.no_grad()
def _keep_mean(model: nn.Module, statistics: Sequence[Sequence[Tensor]]) -> None:
    """Set the buffers to their mean over the tasks (counters: the largest)."""
    for buffer, values in zip(model.buffers(), zip(*statistics)):
        stacked = torch.stack(values)
        buffer.copy_(stacked.mean(0) if buffer.is_floating_point() else stacked.amax(0))
