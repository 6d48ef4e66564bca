"""The upper level of a search: a hook on the stock train loop."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS
from mmengine.runner import Runner
from torch import Tensor, nn

from mmfusenas.core.errors import InputError, NotFiniteError
from mmfusenas.datasets.resumable_dataloader import BatchStream, build_resumable_dataloader
from mmfusenas.engine.loops.resumable import run_seed, stream_seed
from mmfusenas.engine.schedule import Schedule
from mmfusenas.engine.search_checks import (
    accumulative_counts,
    check_cost,
    check_dataloaders,
    check_ends,
    check_losses,
    check_space,
    check_steps,
    check_strategy,
    check_temperature,
    check_wrapper,
    checked_phases,
    open_variables,
    relative_cost,
)
from mmfusenas.models.scene.base_scene import losses_of_sizes
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.hypergrad import Unrolled, inner_step
from mmfusenas.nas.hypergrad.base import preserved
from mmfusenas.registry import HOOKS, MODELS, SEARCH_STRATEGIES
from mmfusenas.utils.checkpoint import plain, require_same
from mmfusenas.utils.random_state import seeded
from mmfusenas.utils.unwrap_model import unwrap_model

STATE_KEY = 'bilevel_search'
"""Key of the search's state in a checkpoint: live variables, optimizer, schedule, position in the search split."""
GRADIENTS = 'search_gradients'
"""Key of the gradients of the last step on the choices, by name, in the message hub."""


@HOOKS.register_module()
class BilevelSearchHook(Hook):
    """Update upper-level variables while the stock loop trains the weights (TIM algorithm 1, lines 2-5).

    The variables are of three kinds: the choices of a supernet (:class:`Choice`), the weights of a searched loss
    (:class:`LossWeights`) and the proxies of a guidance (:class:`Proxy`); below, choices stand for all of them.
    After every ``interval`` weight steps one step on the choices: the upper loss is the model's loss on a batch of the
    search split plus ``weight`` times the relative expected cost, the lower loss its loss on the training batch just
    used. A hyper-gradient strategy turns the two into a gradient for the choices. The hook owns its dataloader,
    optimizer and schedule and keeps them, with the live choices, in every checkpoint: EMA averages alphas like any
    parameter, genotypes do not.

    Several processes each read their part of the search split; strategies average over them. With
    ``optim_wrapper.accumulative_counts`` a weight step takes several iterations: ``interval`` counts the steps, and the
    lower loss is of the last batch of one.

    Args:
        dataloader: Config of the search split's dataloader, as ``train_dataloader``; or several, one an
            epoch, as the parts of an :class:`AlternatingDataset` in training. Defaults to None: the batch just
            trained on serves the upper level too.
        strategy: Hyper-gradient strategy. Defaults to ``dict(type='ImplicitGaussNewton')`` (TIM eq. 4).
        optimizer: Optimizer of the choices. Defaults to Adam with the settings of DARTS.
        interval: Weight steps to one step on the choices (T). Defaults to 20.
        independent: Batches of the search split over whose mean loss a step goes, each a pass of its own; the mean
            cosine between their gradients is then logged (``batch_cosine``, of first order and TIM eq. 4): near 0 they
            are noise. Defaults to 1.
        begin: First training iteration after which choices are updated. Defaults to 0.
        end: Training iteration after which they are not updated any more; None for the whole run.
        phases: By name, in their order, dicts of ``choices``, a regular expression that selects, by ``re.search``, the
            choices that are updated in the phase, and ``end``, the number of epochs (iterations) of the run after which
            each of them is fixed at its likeliest candidate and the next phase follows; the last one has none.
            Choices of no phase stay as they are. TIM section 4.1: ``dict(cells=dict(choices='type$', end=20),
            operators=dict(choices='ops'))``. ``losses`` of a phase are what the upper loss is the sum of: ``'model'``
            for the model's own, or configs of losses that are called with what ``model.images`` gives and the inputs
            (:class:`QualityLoss`, :class:`GuidanceLoss`). One with an ``optimizer`` learns before every step of its
            phase: ``learn(images, inputs, data_samples)`` of the training batch; its state is in the checkpoint.
            Defaults to one phase of all choices by the model's loss.
        by_epoch: Whether ``end`` of a phase counts epochs rather than iterations. Defaults to True.
        param_scheduler: Schedule of the choices' optimizer in steps of theirs, a scheduler of MMEngine or several: of
            its learning rate, or by ``dict(type='ExponentialParamScheduler', param_name='temperature', gamma=0.999)``
            of ``temperature``. Defaults to None (constant).
        cost: ``dict(table=FILE, weight=lambda, cost='latency_ms')``: adds ``weight`` times the expected cost
            (:class:`ExpectedCost`, TIM section 4.1) to the upper loss, from a table of ``build_latency_table.py``. The
            cost is divided by its value at uniform choices, so that the term is ``weight`` before the search, on every
            machine and at every size of image. Defaults to None.
        temperature: Temperature at first, above 0, with which relaxed choices are Gumbel-softmax (:meth:`Choice.draw`):
            new samples for every training iteration, which the loss of a later one does not know, and for every loss of
            a step on the choices. Defaults to None: the weights of candidates are their probabilities.

    Raises:
        ValueError: If ``interval`` is below 1, ``begin`` or the weight of the cost negative; if a phase has other
            keys or selects nothing that is open, a phase but the last has no ``end``, the ends do not rise, or they
            count epochs of a training by iterations; if ``cost`` has other keys; if one of several dataloaders
            would never have its turn; if there are two such hooks; if there are phases and several processes that
            would wait for weights that a decision took out of the graph; if a loss is searched by first order; if a
            phase has a loss of images and the model makes none. RuntimeError: If a resumed search had other
            settings.
        FloatingPointError: If the gradient of a choice is not finite.

    Example:
        >>> phases = dict(cells=dict(choices='type$', end=20), operators=dict(choices='ops'))
        >>> hook = BilevelSearchHook(interval=20, phases=phases)
        >>> type(hook.strategy).__name__, [hook.schedule.at(epoch) for epoch in (0, 19, 20)]
        ('ImplicitGaussNewton', [0, 0, 1])
    """

    def __init__(self, dataloader: dict | Sequence[dict] | None = None, strategy: dict | None = None,
                 optimizer: dict | None = None, interval: int = 20, begin: int = 0, end: int | None = None,
                 phases: Mapping[str, dict] | None = None, by_epoch: bool = True,
                 param_scheduler: dict | None = None, cost: dict | None = None, independent: int = 1,
                 temperature: float | None = None) -> None:
        self.dataloaders = [dataloader] if isinstance(dataloader, dict) else list(dataloader or ())
        self.strategy_cfg = strategy or dict(type='ImplicitGaussNewton')
        self.strategy = SEARCH_STRATEGIES.build(self.strategy_cfg)
        self.optimizer_cfg = optimizer or dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
        check_steps(interval, begin, end, independent, self.dataloaders)
        check_cost(cost)
        check_temperature(temperature)
        self.interval, self.begin, self.end, self.independent = interval, begin, end, independent
        self.phases = checked_phases(phases or dict(all=dict(choices='')))
        self.schedule = Schedule(
            'BilevelSearchHook got phases', [phase['end'] for phase in list(self.phases.values())[:-1]], by_epoch)
        self.scheduler_cfg, self.temperature = param_scheduler, temperature
        self.cost = cost
        self._resumed: dict[str, Any] | None = None

    def before_train(self, runner: Runner) -> None:
        """Relax the supernet and build what the upper level owns; continue where a resumed search was."""
        if sum(isinstance(hook, BilevelSearchHook) for hook in runner.hooks) > 1:
            raise InputError("Two BilevelSearchHooks in one run would overwrite each other's state; use one.")
        self.model = unwrap_model(runner)
        self.space = SearchSpace(self.model)
        self.phase: int | None = None
        self.searched = [open_variables(self.space, phase['choices']) for phase in self.phases.values()]
        open_decisions = {name for name, decision in self.space.decisions.items() if not decision.is_fixed}
        self.space.relax(open_decisions.union(*self.searched))
        self.expected_cost, self.weight = relative_cost(self.space, self.cost)
        searched = dict.fromkeys(name for names in self.searched for name in names)
        self.optimizer = OPTIMIZERS.build(dict(self.optimizer_cfg, params=list(self.space.alphas(searched).values())))
        if self.temperature:  # where a scheduler and a checkpoint find it
            self.optimizer.param_groups[0]['temperature'] = self.temperature
        self.losses = [[self._built(loss, next(self.model.parameters()).device)
                        for loss in phase.get('losses', ['model'])] for phase in self.phases.values()]
        check_losses(self.model, self.losses)
        configs = [self.scheduler_cfg] if isinstance(self.scheduler_cfg, Mapping) else self.scheduler_cfg or ()
        self.schedulers = [PARAM_SCHEDULERS.build(dict(config, optimizer=self.optimizer)) for config in configs]
        self.schedule.check_loop(runner)
        check_ends(runner, self.phases, self.schedule)
        check_strategy(self.strategy, self.space, list(self.phases.values()), self.searched)
        check_wrapper(runner, self.space, self.searched[:-1])
        self.accumulated = accumulative_counts(runner)
        check_dataloaders(
            runner, len(self.dataloaders), self.interval * self.accumulated, self.begin, self.end)
        self.seed = run_seed(runner)  # asks all ranks, so not where rank 0 alone saves
        self.streams = [BatchStream(build_resumable_dataloader(config, stream_seed(self.seed, k), endless=True))
                        for k, config in enumerate(self.dataloaders)]
        if self._resumed:
            self._restore(self._resumed)
            self._fix_past(runner, self.schedule.past(runner))  # no iteration may be left before the epoch's end

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Where a phase begins, fix the choices of those before it, and find the alphas of its own."""
        phase = self.schedule.present(runner)
        if phase != self.phase:
            self._fix_past(runner, phase)
            self.phase, self.alphas = phase, self._alphas(phase)
        self._draw()

    def before_val_epoch(self, runner: Runner) -> None:
        """Fix what was fixed in the last iteration: a resumed run may begin with the validation that was due."""
        self._fix_past(runner, self.schedule.past(runner))

    def _fix_past(self, runner: Runner, phase: int) -> None:
        # A function of the position and the alphas, so that nothing has to be stored.
        for names in self.searched[:phase]:
            fixed = {name: variable.fix() for name, variable in self.space.decisions.items()
                     if name in names and variable.relaxed}
            if fixed:
                runner.logger.info(f'Iteration {runner.iter + 1}: fixed {fixed}.')

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Take one step on the choices, every ``interval`` training iterations."""
        if not self._due(runner):
            return
        # Preprocessed once, so that random batch augmentation is the same each time that the loss is asked.
        lower = self.model.data_preprocessor(data_batch, True)
        upper = [lower]
        if self.streams:
            stream = self.streams[runner.epoch % len(self.streams)]
            upper = [self.model.data_preprocessor(next(stream), True) for _ in range(self.independent)]
        learned = self._losses_learn(runner, lower)
        grads, log = self._hyper_gradient(runner, upper, lower, list(self.alphas.values()))
        log.update(learned)
        if not all(torch.isfinite(grad).all() for grad in grads):
            raise NotFiniteError(
                f'The gradient of the choices is not finite at iteration {runner.iter + 1} ('
                + ', '.join(f'{name} {float(value):.3g}' for name, value in log.items()) + '). Look at the images of '
                'the search split with tools/analysis_tools/check_dataset.py, or lower the rate of the weights.')
        runner.message_hub.update_info(GRADIENTS, self._update(grads), resumed=False)
        if self.expected_cost:
            log[f'expected_{self.expected_cost.cost}'] = self.expected_cost()
        for name, value in log.items():
            runner.message_hub.update_scalar(f'train/search_{name}', float(value))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the live choices and the state of the upper level."""
        checkpoint[STATE_KEY] = dict(
            alphas={name: alpha.detach().clone() for name, alpha in self.space.alphas().items()},
            space_hash=self.space.hash,
            decisions=len(self.space),
            optimizer=self.optimizer.state_dict(),
            schedulers=[scheduler.state_dict() for scheduler in self.schedulers],
            streams=[stream.state_dict() for stream in self.streams],
            learning=[loss.state_dict() for loss in self._learning(self.losses)],
            seed=self.seed,
            settings=self._settings(),
        )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember the search's state; it is put back in ``before_train``, after the weights are loaded.

        A training that only begins with the weights of the checkpoint (``load_from``) has an upper level of its own.

        Raises:
            ValueError: If the checkpoint is of another search space.
        """
        if not runner._resume:
            return
        self._resumed = checkpoint.get(STATE_KEY)
        check_space(self._resumed, SearchSpace(unwrap_model(runner)))

    def _settings(self) -> dict[str, Any]:
        """Return what a resumed search has to have in common with this one, as plain values."""
        return plain(dict(
            hook=type(self).__name__, dataloaders=len(self.dataloaders), strategy=self.strategy_cfg,
            optimizer=self.optimizer_cfg, param_scheduler=self.scheduler_cfg, interval=self.interval, begin=self.begin,
            end=self.end, independent=self.independent, phases=self.phases, by_epoch=self.schedule.by_epoch,
            cost=self.cost, temperature=self.temperature))

    def _restore(self, state: dict[str, Any]) -> None:
        settings = dict(state.get('settings', {}))
        if isinstance(settings.get('phases'), list) and len(settings['phases']) == len(self.phases):
            settings['phases'] = dict(zip(self.phases, settings['phases']))  # a list without names before
        require_same(settings, self._settings(), 'its search differs',
                     'begin another search in another --work-dir')
        self.space.load_alphas(state['alphas'])
        self.optimizer.load_state_dict(state['optimizer'])
        states = state['schedulers'] if 'schedulers' in state else [state['scheduler']]  # one at most before
        for scheduler, content in zip(self.schedulers, states):
            scheduler.load_state_dict(content)
        for loss, content in zip(self._learning(self.losses), state.get('learning', ()), strict=True):
            loss.load_state_dict(content)
        self.seed = state['seed']
        for k, (stream, position) in enumerate(zip(self.streams, state['streams'])):
            stream.reseed(stream_seed(self.seed, k))
            stream.load_state_dict(position)

    def _due(self, runner: Runner) -> bool:
        """Return whether a step on the choices follows the present training iteration."""
        step = runner.iter + 1
        return (self.begin < step <= (self.end or step) and runner.optim_wrapper.should_update()
                and self._weight_steps(runner) % self.interval == 0)

    def _weight_steps(self, runner: Runner) -> int:
        """Return the number of weight steps that ``interval`` counts, with the present one."""
        return -(-(runner.iter + 1) // self.accumulated)  # the last may be of fewer batches

    def _hyper_gradient(self, runner: Runner, upper: list[dict], lower: dict,
                        alphas: list[nn.Parameter]) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Return the gradient for ``alphas`` and what is logged, from prepared batches of both levels."""
        weights = [p for p in self.model.parameters() if p.requires_grad]
        optimizer, clip = runner.optim_wrapper.optimizer, runner.optim_wrapper.clip_grad_kwargs
        inner = inner_step(optimizer, weights, clip) if isinstance(self.strategy, Unrolled) else None
        losses = [partial(self._upper_loss, runner, data, number) for number, data in enumerate(upper)]
        return self.strategy(losses if self.independent > 1 else losses[0], lambda: self._loss(runner, lower, 2),
                             alphas, weights, buffers=list(self.model.buffers()), inner=inner)

    def _losses_learn(self, runner: Runner, data: dict) -> dict[str, Tensor]:
        """Let the present phase's losses that go on learning see what the network makes now; return their losses."""
        learning = self._learning([self.losses[self.phase]])
        if not learning:
            return {}
        with seeded(self.seed, runner.iter, 0), preserved(self.model.buffers()):
            with torch.no_grad():
                images = self.model.images(data['inputs'])
            return {f'{type(loss).__name__}_learning': loss.learn(images, **data) for loss in learning}

    @staticmethod
    def _learning(losses: Sequence[Sequence[nn.Module | None]]) -> list[nn.Module]:
        return [loss for of_phase in losses for loss in of_phase if getattr(loss, 'optimizer', None)]

    def _upper_loss(self, runner: Runner, data: dict, number: int) -> Tensor:
        """Return the sum of the present phase's losses on a batch, with random numbers by its number, and the cost."""
        losses = [self._loss(runner, data, 1 + 3 * number, of_images=loss) for loss in self.losses[self.phase]]
        return sum(losses) + self._regularization()

    def _loss(self, runner: Runner, data: dict, stream: int, without: str | None = None,
              of_images: nn.Module | None = None) -> Tensor:
        """Return the model's loss on prepared data, the same value each time it is asked within an iteration.

        Losses whose names begin with ``without`` do not count. ``of_images`` takes the place of the model's own.
        """
        model = self.model
        precision = nullcontext() if self.strategy.by_difference else runner.optim_wrapper.optim_context(model)
        with precision, seeded(self.seed, runner.iter, stream):
            self._draw()
            losses = (losses_of_sizes(of_images, model.images(data['inputs']), **data) if of_images
                      else model(**data, mode='loss'))
            return model.parse_losses({name: value for name, value in losses.items()
                                       if without is None or not name.startswith(without)})[0]

    def _draw(self) -> None:
        """Sample the weights of relaxed choices anew, where they are Gumbel-softmax."""
        if self.temperature:
            for choice in self.space.choices.values():
                choice.draw(self.optimizer.param_groups[0]['temperature'])

    def _regularization(self) -> Tensor | float:
        return self.weight * self.expected_cost() if self.expected_cost else 0.0

    def _built(self, loss: str | dict, device: torch.device) -> nn.Module | None:
        """Return an upper loss, frozen, or None for the model's own."""
        if loss == 'model':
            return None
        return MODELS.build(loss).to(device).requires_grad_(False)

    def _alphas(self, phase: int) -> dict[str, nn.Parameter]:
        """Return the alphas of a phase by name, without those inside candidates that were not chosen."""
        fixed = {name: choice.selected for name, choice in self.space.choices.items() if choice.selected}
        names = [name for name in self.searched[phase]
                 if all(any(fixed.get(outer, candidate) == candidate for outer, candidate in condition)
                        for condition in self.space.conditions(name))]
        return self.space.alphas(names)

    def _update(self, grads: list[Tensor]) -> dict[str, Tensor]:
        """Take a step on the choices, and return the gradients that it followed."""
        for alpha, grad in zip(self.alphas.values(), grads, strict=True):
            alpha.grad = grad
        for loss_weights in self.space.loss_weights.values():
            if loss_weights.alpha.grad is not None:
                loss_weights.alpha.grad = loss_weights.tangent(loss_weights.alpha.grad)
        followed = {name: alpha.grad for name, alpha in self.alphas.items()}
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        for loss_weights in self.space.loss_weights.values():
            loss_weights.project()
        for scheduler in self.schedulers:
            scheduler.step()
        return followed
