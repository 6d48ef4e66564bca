"""End a run at the first loss that is not finite, and warn where an illumination has collapsed."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmfusenas.core.errors import NotFiniteError
from mmfusenas.registry import HOOKS
from mmfusenas.utils.checkpoint import latest_checkpoint
from mmfusenas.utils.unwrap_model import unwrap_model


def non_finite_losses(losses: dict[str, Any]) -> list[str]:
    """Return the losses that are NaN or infinite, as ``name = value``.

    One number is looked at where all is well: the sum of all losses, which is finite only if each of them is.

    Args:
        losses: What a model returns in mode ``loss``: tensors, or lists of tensors, by name. As in mmengine, only
            names with ``loss`` in them count.

    Example:
        >>> non_finite_losses(dict(loss_cls=torch.tensor(float('nan')), loss_bbox=torch.tensor(1.)))
        ['loss_cls = nan']
    """
    totals = {name: _total(value) for name, value in losses.items() if 'loss' in name}
    if not totals or bool(torch.isfinite(sum(totals.values()))):
        return []
    return [f'{name} = {total.item()}' for name, total in totals.items() if not torch.isfinite(total)]


def image_files(data_batch: Any) -> list[str]:
    """Return the files of a batch, one line a pair: ``img_path`` and ``infrared_path`` of its data samples."""
    samples = data_batch.get('data_samples', []) if isinstance(data_batch, dict) else []
    return [' + '.join(str(path) for path in (sample.get('img_path'), sample.get('infrared_path')) if path)
            for sample in samples if hasattr(sample, 'get')]


@HOOKS.register_module()
class LossGuardHook(Hook):
    """End training when a loss is NaN or infinite, before the weights see it.

    The losses of each training batch are checked as the model returns them, ahead of the backward pass, so neither
    weights nor optimizer have taken part in the bad step, and nothing is saved after it. A checkpoint is not written
    either while a weight is not finite (a gradient can overflow behind a finite loss).

    Of a scene module with an illumination (:class:`RUASScene`) the log has ``illumination_spread`` and
    ``saturated_share`` (:func:`illumination_scalars`). Where the mean of one over the last ``interval`` iterations is
    out of bounds, there is one warning: a constant illumination is a gain, and what is saturated is lost.

    Args:
        spread: Least spread of an illumination. Defaults to 0.005.
        saturated: Largest share of saturated values. Defaults to 0.2.
        interval: Iterations between two looks. Defaults to 100.

    Example:
        >>> from types import SimpleNamespace
        >>> model, cfg = nn.Identity(), SimpleNamespace(filename=None)
        >>> runner = SimpleNamespace(model=model, iter=6, epoch=0, cfg=cfg, work_dir='.')
        >>> hook = LossGuardHook()
        >>> hook.before_train(runner)
        >>> hook.before_train_iter(runner, 6)
        >>> model(dict(loss_bbox=torch.tensor(float('nan'))))
        Traceback (most recent call last):
        mmfusenas.core.errors.NotFiniteError: A loss is not finite at iteration 7 (epoch 1): loss_bbox = nan...
    """

    # Behind hooks from outside that run the model in before_train_iter: only the training batch itself is checked.
    priority = 'VERY_LOW'

    def __init__(self, spread: float = 0.005, saturated: float = 0.2, interval: int = 100) -> None:
        self.spread, self.saturated, self.interval = spread, saturated, interval
        self._batch: Any = None
        self._armed = False
        self._warned: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Watch what the model returns."""
        self._runner = runner

        # A function, not the bound method: a copy of the model (deepcopy) would copy this hook and the runner with it.
        def check(module: nn.Module, inputs: tuple, losses: Any) -> None:
            self._check(module, losses)

        self._handle = unwrap_model(runner).register_forward_hook(check)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Check the next losses, those of ``data_batch``."""
        self._batch, self._armed = data_batch, True

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        """Let the batch go, and look at the illumination."""
        self._batch, self._armed = None, False
        if self.every_n_train_iters(runner, self.interval):
            self._check_illumination(runner)

    def after_train(self, runner: Runner) -> None:
        """Stop watching."""
        self._handle.remove()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to write a checkpoint over good ones while a weight is not finite."""
        broken = _broken_weights(unwrap_model(runner))
        if broken:
            raise NotFiniteError(
                f'{len(broken)} weights are not finite ({", ".join(broken[:3])}), so no checkpoint is written at '
                f'iteration {runner.iter + 1}.\n{_advice(runner)}')

    def _check(self, module: nn.Module, losses: Any) -> None:
        if not self._armed or not isinstance(losses, dict):
            return
        self._armed = False
        broken = non_finite_losses(losses)
        if broken:
            raise NotFiniteError(self._message(module, broken))

    def _check_illumination(self, runner: Runner) -> None:
        scalars = runner.message_hub.log_scalars
        for key in scalars.keys() - self._warned:
            name, value = key.removeprefix('train/'), scalars[key].mean(self.interval)
            kind = name.rpartition('.')[2]
            if kind == 'illumination_spread' and value < self.spread:
                what = f'the illumination is nearly a constant (least: {self.spread}), so the image has one gain'
                remedy = "Train with update='additive' of RUASScene, or with less weight on its smoothness."
            elif kind == 'saturated_share' and value > self.saturated:
                what = f'that many values of the brightened image are at 1 (most: {self.saturated})'
                remedy = 'Train with a lower rate, or with a scene loss beside that of the task (eta).'
            else:
                continue
            self._warned.add(key)
            runner.logger.warning(f'Iteration {runner.iter + 1}: {name} is {value:.4f}: {what}. {remedy}')

    def _message(self, module: nn.Module, broken: list[str]) -> str:
        runner = self._runner
        lines = [f'A loss is not finite at iteration {runner.iter + 1} (epoch {runner.epoch + 1}): '
                 f'{", ".join(broken)}.',
                 'Images of this batch:', *(f'  {line}' for line in image_files(self._batch) or ['(not known)'])]
        weights = _broken_weights(module)
        if weights:
            lines.append(f'Weights were not finite before it, the step before broke them: {", ".join(weights[:3])} '
                         f'({len(weights)} in all).')
        return '\n'.join([*lines, _advice(runner)])


def _advice(runner: Runner) -> str:
    last = latest_checkpoint(runner.work_dir)
    config = runner.cfg.filename or 'CONFIG'
    command = f'python tools/train.py {config} --work-dir {runner.work_dir}'
    if last is None:
        return ('No checkpoint has been written yet. Check the data (python tools/analysis_tools/check_dataset.py '
                f'{config}), then train with a lower learning rate or clipped gradients:\n'
                f'  {command} --cfg-options optim_wrapper.clip_grad.max_norm=10')
    return (f'Nothing is saved; the last good checkpoint is {last}. A resume meets the same batch again, so continue '
            'with clipped gradients, or set a lower learning rate and load_from instead of --resume:\n'
            f'  {command} --resume {last} --cfg-options optim_wrapper.clip_grad.max_norm=10')


def _broken_weights(model: nn.Module) -> list[str]:
    return [name for name, weight in model.named_parameters() if not bool(torch.isfinite(weight).all())]


def _total(value: Tensor | Iterable[Tensor]) -> Tensor:
    tensors = [value] if isinstance(value, Tensor) else list(value)
    return sum((tensor.detach().float().sum() for tensor in tensors), torch.zeros(()))
