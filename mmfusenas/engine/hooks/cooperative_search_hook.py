"""RUAS's cooperative search: scene and task alternate."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import mean
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.runner import Runner
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.engine.hooks.bilevel_search_hook import STATE_KEY, BilevelSearchHook
from mmfusenas.engine.hooks.task_guidance_hook import TaskGuidanceHook, check_stages
from mmfusenas.engine.search_checks import accumulative_counts
from mmfusenas.nas.hypergrad import FirstOrder
from mmfusenas.nas.hypergrad.vectors import add, norm
from mmfusenas.registry import HOOKS
from mmfusenas.utils.unwrap_model import unwrap_model

AGENTS = ('scene', 'task')


@HOOKS.register_module()
class CooperativeSearchHook(BilevelSearchHook):
    r"""Search scene and task cooperatively (RUAS eqs. 6-8, algorithm 1).

    The two agents alternate: in a period of the scene the model is in its stage ``'scene'``, in one of the task in its
    stage ``'task'`` (:class:`Stages`), so the stock loop trains :math:`\omega_s` by :math:`L^s_{tr}` or
    :math:`\omega_t` by :math:`L^t_{tr}` alone (eq. 8). After every ``interval`` weight steps the choices of the present
    agent are updated, those whose names begin with ``scene`` or ``task``:

    - :math:`\alpha_s` by :math:`\nabla_{\alpha_s} L^s_{val}(\alpha_s; \omega_s - \nabla L^s_{tr}) + \beta
      \nabla_{\alpha_s} L^t_{val}(\alpha_t(\alpha_s); \omega_t)`, the second through the scene's image (line 5);
    - :math:`\alpha_t` by :math:`\nabla_{\alpha_t} L^t_{val}(\alpha_t(\alpha_s); \omega_t - \nabla L^t_{tr})`, on the
      images of the present scene module (line 10).

    The two searches that the paper compares with (table 4) need no hook of their own: the global one is a
    :class:`BilevelSearchHook` on the model in its stage ``'joint'``, whose loss is that of the task and ``eta`` times
    the scene's at both levels, with no beta; the independent one has two ``phases`` and a :class:`TaskGuidanceHook`
    with the stages ``'scene'`` and ``'task'``.

    Args:
        alternation: Periods, which repeat: dicts of ``stage`` and ``iters``, the number of iterations; or, to go on
            until converged, of ``stage``, ``tolerance``, ``window`` and ``max_iters``: a period ends where the mean
            loss of the last ``window`` iterations is less than the share ``tolerance`` below that of the ``window``
            before, and after ``max_iters`` iterations at the latest. Defaults to ten iterations of the scene and one
            of the task, as the authors' first version has it.
        beta: Weight of the task in the scene's periods, at least 0. The lengths of both terms of the gradient, which
            say what beta does, are in ``search.json`` as ``scene_grad_norm`` and ``scene_task_grad_norm`` (without
            beta). Defaults to 1.0.
        strategy: Hyper-gradient strategy. Defaults to ``dict(type='Unrolled')``, one unrolled step by a central
            difference of radius 0.01.
        interval: Weight steps of a period to one step on the choices. Defaults to 1.
        **kwargs: Further arguments of :class:`BilevelSearchHook`, without ``phases``.

    Raises:
        ValueError: If a period is none of the above or may end before ``interval`` iterations, an agent has none,
            ``beta`` is negative, or there are phases; before the training, if a :class:`TaskGuidanceHook` would set
            stages as well, gradients are accumulated, or a head has another number of classes than the data.
        TypeError: If the model has no stages.

    Example:
        >>> hook = CooperativeSearchHook(dict(batch_size=4, dataset=dict(type='SyntheticLowLightScenes')), beta=0.5)
        >>> hook.alternation, type(hook.strategy).__name__
        ([{'stage': 'scene', 'iters': 10}, {'stage': 'task', 'iters': 1}], 'Unrolled')
    """

    def __init__(self, dataloader: dict | Sequence[dict],
                 alternation: Sequence[dict] = (dict(stage='scene', iters=10), dict(stage='task', iters=1)),
                 beta: float = 1.0, strategy: dict | None = None, interval: int = 1, **kwargs: Any) -> None:
        super().__init__(dataloader, strategy or dict(type='Unrolled'), interval=interval, **kwargs)
        if len(self.phases) > 1:
            raise InputError(f'CooperativeSearchHook got phases={self.phases}; it has an alternation instead. '
                             'For phases take BilevelSearchHook.')
        for period in alternation:
            keys = set(period) - {'stage'}
            if period.get('stage') not in AGENTS or keys not in ({'iters'}, {'tolerance', 'window', 'max_iters'}):
                raise InputError(f"CooperativeSearchHook got {period} in its alternation; give dict(stage='scene', "
                                 "iters=10), or dict(stage='task', tolerance=0.01, window=20, max_iters=500).")
            shortest = period['iters'] if 'iters' in period else min(period['max_iters'], 2 * period['window'])
            if shortest < interval or period.get('window', 1) < 1:
                raise InputError(f'CooperativeSearchHook got interval={interval} and the period {period}, which may '
                                 f'end after {shortest} iterations, before a step on the choices; make it longer.')
        if {period['stage'] for period in alternation} != set(AGENTS) or beta < 0:
            raise InputError(f'CooperativeSearchHook got alternation={list(alternation)} and beta={beta}; both '
                             f'{AGENTS} need a period, and beta is at least 0.')
        self.alternation, self.beta = [dict(period) for period in alternation], beta
        self._period = 0
        self._losses: list[float] = []

    def before_train(self, runner: Runner) -> None:
        """Check that the model has stages and both agents have choices; continue where a resumed search was."""
        check_stages(runner, 'CooperativeSearchHook')
        if any(isinstance(hook, TaskGuidanceHook) for hook in runner.hooks):
            raise InputError('CooperativeSearchHook found a TaskGuidanceHook beside it, and both set the stage of the '
                             'model; take the TaskGuidanceHook out of the config.')
        if accumulative_counts(runner) > 1:
            raise InputError(f'CooperativeSearchHook got accumulative_counts={accumulative_counts(runner)} of the '
                             'optim_wrapper: a weight step would mix the gradients of scene and task where a period '
                             'ends. Leave it out, and take a smaller batch.')
        super().before_train(runner)
        for agent in AGENTS:
            if not any(name.startswith(f'{agent}.') for name in self.searched[0]):
                raise InputError(f'CooperativeSearchHook found no open choice of the {agent}: is a genotype= set that '
                                 'decides it? Search one of the two with BilevelSearchHook.')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Put the model in the stage of the present period."""
        super().before_train_iter(runner, batch_idx, data_batch)
        if self.model.stage != self.stage:
            self.model.stage = self.stage
        self.alphas = self._alphas(self.phase)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        """Take one step on the choices of the stage, and see whether its period is over."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        loss = torch.as_tensor(float(outputs['loss'].detach()), dtype=torch.float64)
        all_reduce(loss, 'mean')  # so that a period ends in all processes at once
        self._losses.append(float(loss))
        if self._over():
            self._period, self._losses = (self._period + 1) % len(self.alternation), []

    def before_val_epoch(self, runner: Runner) -> None:
        """Validate both agents, in whichever period."""
        unwrap_model(runner).stage = 'joint'

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the state of the upper level, and how far the period is."""
        super().before_save_checkpoint(runner, checkpoint)
        checkpoint[STATE_KEY].update(turn=self._period, losses=list(self._losses))

    @property
    def stage(self) -> str:
        """The agent of the present period: ``'scene'`` or ``'task'``."""
        return self.alternation[self._period]['stage']

    def _settings(self) -> dict[str, Any]:
        return dict(super()._settings(), alternation=self.alternation, beta=self.beta)

    def _restore(self, state: dict[str, Any]) -> None:
        settings = state.get('settings', {})
        if 'turns' in settings:  # the names before
            settings['alternation'] = settings.pop('turns')
        for period in settings.get('alternation', ()):
            if 'most' in period:
                period['max_iters'] = period.pop('most')
        super()._restore(state)
        self._period, self._losses = state['turn'], list(state['losses'])

    def _weight_steps(self, runner: Runner) -> int:
        return len(self._losses) + 1  # those of the period

    def _over(self) -> bool:
        period, losses = self.alternation[self._period], self._losses
        if 'iters' in period:
            return len(losses) >= period['iters']
        window = period['window']
        if len(losses) >= period['max_iters'] or len(losses) < 2 * window:
            return len(losses) >= period['max_iters']
        before, now = mean(losses[-2 * window:-window]), mean(losses[-window:])
        return before - now < period['tolerance'] * abs(before)

    def _alphas(self, phase: int) -> dict[str, nn.Parameter]:
        """Return the alphas of the present agent."""
        names = [name for name in self.searched[phase] if name.startswith(f'{self.stage}.')]
        return self.space.alphas(names)

    def _hyper_gradient(self, runner: Runner, upper: list[dict], lower: dict,
                        alphas: list[nn.Parameter]) -> tuple[list[Tensor], dict[str, Tensor]]:
        grads, log = super()._hyper_gradient(runner, upper, lower, alphas)
        named = {f'{self.stage}_{name}': value for name, value in log.items()}
        if self.stage == 'scene' and self.beta:
            through, task_loss = self._through_the_task(runner, upper, alphas)
            named.update(scene_task_loss=task_loss, scene_grad_norm=norm(grads), scene_task_grad_norm=norm(through))
            grads = add(grads, through, self.beta)
            log = dict(log, upper_loss=log['upper_loss'] + self.beta * task_loss)
        return grads, {**named, **{name: log[name] for name in ('upper_loss', 'lower_loss') if name in log}}

    def _through_the_task(self, runner: Runner, upper: list[dict],
                          alphas: list[nn.Parameter]) -> tuple[list[Tensor], Tensor]:
        """Return the task's loss and its gradient for the scene's choices (second term of algorithm 1, line 5)."""
        losses = [partial(self._loss, runner, data, 3 + 3 * number, without='scene.')
                  for number, data in enumerate(upper)]
        weights = [p for p in self.model.parameters() if p.requires_grad]
        with in_stage(self.model, 'joint'):
            grads, log = FirstOrder()(losses, losses[0], alphas, weights, buffers=list(self.model.buffers()))
        return grads, log['upper_loss']


@contextmanager
def in_stage(model: nn.Module, stage: str) -> Iterator[None]:
    """Put a model in a stage inside the block."""
    before, model.stage = model.stage, stage
    try:
        yield
    finally:
        model.stage = before
