"""Which path of a one-shot supernet trains next."""
from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.engine.loops.resumable import run_seed
from mmfusenas.engine.path_scorer import PathScorer
from mmfusenas.engine.schedule import require_epochs
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.predictor import LOSSES, PathPredictor, fit_predictor
from mmfusenas.nas.sampling import path_sampler
from mmfusenas.registry import DATASETS, HOOKS
from mmfusenas.utils.checkpoint import require_same
from mmfusenas.utils.unwrap_model import unwrap_model

STATE_KEY = 'path_sampling'
"""Key of the hook's state in a checkpoint: predictor, random numbers, paths that are waiting."""


@HOOKS.register_module()
class PathSamplingHook(Hook):
    """Train one path of a supernet at a time, and after a while the promising ones (DCNAS algorithm 1).

    In the first ``warmup_epochs`` epochs every iteration trains a path drawn uniformly. Then ``num_initial_paths``
    random paths are scored on validation images, and a predictor learns to rank them. From there on each iteration
    draws a constraint tau, the cost of a random path (eq. 10), draws ``num_paths`` paths of a cost in
    [(1 - tolerance) tau, tau] (eq. 12), and trains the ``topk`` best of them by the predictor, one an iteration. Every
    ``interval`` epochs the predictor learns from ``num_refresh_paths`` new paths under one constraint. How well it
    ranked them before, Kendall's tau, is logged as ``predictor_tau``, the cost of the trained path as ``path_cost``.

    All processes train the same path. Everything is kept in the checkpoints: a resumed run draws the same paths.

    Args:
        dataset: Config of the data set on which paths are scored, of images that are not trained on.
        batch_size: Images a batch there. Defaults to 16.
        metric: See :class:`PathScorer`. Defaults to 'loss'.
        num_paths: m. Defaults to 20.
        topk: k. Defaults to 1.
        tolerance: Sigma, as a share of the constraint. Defaults to 0.05.
        warmup_epochs: Epochs without predictor. Defaults to 30.
        num_initial_paths: Paths that the predictor first learns from. Defaults to 1024.
        interval: t, epochs between two refreshments. Defaults to 20.
        num_refresh_paths: Paths of a refreshment. Defaults to 64.
        loss: What the predictor learns by: ``'rank'`` (eq. 17), ``'l1'``, ``'l2'``, or None for no predictor: every
            iteration then trains a random path to the end (table IX). Defaults to 'rank'.
        fit_epochs: Passes over the paths in each learning. Defaults to 30.
        table: File of a cost table of ``build_latency_table.py``; needed unless ``cost`` is 'parameters'.
        cost: ``'parameters'``, ``'macs'`` or ``'latency_ms'``: what constraints are of. Defaults to 'parameters'.
        fixed: As of :class:`PathSampler`. Defaults to none.

    Raises:
        ValueError: If ``loss`` is another word, ``topk`` is more than ``num_paths``, a number is out of range, another
            cost than parameters comes without a table, or the training has no epochs.
        RuntimeError: If a resumed run had other settings.

    Example:
        >>> images = dict(type='SyntheticGuidedScenes', target='depth', length=16)
        >>> hook = PathSamplingHook(images, num_paths=20, topk=2)
        >>> hook.cost, hook.loss, hook.topk
        ('parameters', 'rank', 2)
    """

    def __init__(self, dataset: dict, batch_size: int = 16, metric: str = 'loss', num_paths: int = 20, topk: int = 1,
                 tolerance: float = 0.05, warmup_epochs: int = 30, num_initial_paths: int = 1024, interval: int = 20,
                 num_refresh_paths: int = 64, loss: str | None = 'rank', fit_epochs: int = 30, table: str | None = None,
                 cost: str = 'parameters', fixed: dict[str, str] | None = None) -> None:
        if loss not in (*LOSSES, None) or not 0 < topk <= num_paths:
            raise InputError(f'PathSamplingHook got loss={loss!r}, topk={topk} of num_paths={num_paths}; it knows '
                             f'{[*LOSSES, None]}, and keeps at least one and at most all paths.')
        if interval < 1 or fit_epochs < 1 or min(num_initial_paths, num_refresh_paths) < 2 or not 0 < tolerance <= 1:
            raise InputError(f'PathSamplingHook got interval={interval}, fit_epochs={fit_epochs}, '
                             f'num_initial_paths={num_initial_paths}, num_refresh_paths={num_refresh_paths}, '
                             f'tolerance={tolerance}: at least 1, 1, 2 and 2, and above 0 up to 1.')
        self.dataset, self.scoring = dataset, dict(batch_size=batch_size, metric=metric)
        self.num_paths, self.topk, self.tolerance, self.interval = num_paths, topk, tolerance, interval
        self.warmup_epochs, self.num_initial_paths = warmup_epochs, num_initial_paths
        self.num_refresh_paths = num_refresh_paths
        self.loss, self.fit_epochs, self.table, self.cost, self.fixed = loss, fit_epochs, table, cost, dict(fixed or {})
        self._resumed: dict[str, Any] | None = None

    def before_train(self, runner: Runner) -> None:
        """Build sampler, predictor and scorer; continue where a resumed run was."""
        self.space = SearchSpace(unwrap_model(runner))
        self.sampler = path_sampler(self.space, self.table, self.cost, self.fixed)
        self.generator = torch.Generator().manual_seed(run_seed(runner))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run_seed(runner))
            self.predictor = PathPredictor(self.sampler.sizes.tolist())
        self.optimizer = torch.optim.Adam(self.predictor.parameters(), lr=3e-3)
        self.scale = float(self.sampler.cost(self.sampler.sample(1000, self.generator)).mean())
        self.waiting = self.sampler.sample(0)
        self.learned, self.path, self.samples = -1, None, 0
        require_epochs(runner, f'PathSamplingHook got warmup_epochs={self.warmup_epochs} and interval={self.interval} '
                               'in epochs')
        if self.loss is not None:
            dataset = DATASETS.build(self.dataset)
            self.samples, self.scorer = len(dataset), PathScorer(unwrap_model(runner), dataset, **self.scoring)
        if self._resumed:
            self._restore(self._resumed)

    def before_train_epoch(self, runner: Runner) -> None:
        """Let the predictor learn, where it is time."""
        since = runner.epoch - self.warmup_epochs
        if self.loss is None or since < 0 or since % self.interval or self.learned == runner.epoch:
            return
        constraint, sampler = self.sampler.random_cost(self.generator), self.sampler
        paths = sampler.sample(self.num_initial_paths, self.generator) if since == 0 else sampler.sample_between(
            (1 - self.tolerance) * constraint, constraint, self.num_refresh_paths, self.generator)
        constraints = sampler.cost(paths) if since == 0 else torch.full((len(paths), ), constraint)
        self._learn(runner, paths, constraints)
        self.learned = runner.epoch

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Select the path that trains."""
        if not len(self.waiting):
            self.waiting = self._next_paths(runner.epoch)
        self.path, self.waiting = self.waiting[0], self.waiting[1:]
        self.space.select(self.sampler.choices(self.path))
        runner.message_hub.update_scalar('train/path_cost', float(self.sampler.cost(self.path[None])))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the state of the sampling."""
        checkpoint[STATE_KEY] = dict(
            self._settings(), predictor=self.predictor.state_dict(), optimizer=self.optimizer.state_dict(),
            generator=self.generator.get_state(), scale=self.scale, waiting=self.waiting, learned=self.learned,
            path=self.path)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember the state of the sampling; it is put back in ``before_train``."""
        if runner._resume:
            self._resumed = checkpoint.get(STATE_KEY)

    def _settings(self) -> dict[str, Any]:
        """Return what a resumed run has to have in common with this one."""
        return dict(space_hash=self.space.hash, cost=self.cost, loss=self.loss, fixed=self.fixed, paths=self.num_paths,
                    keep=self.topk, tolerance=self.tolerance, free=self.warmup_epochs, tried=self.num_initial_paths,
                    interval=self.interval, refresh=self.num_refresh_paths, fit_epochs=self.fit_epochs,
                    samples=self.samples, costs=self.sampler.hash,
                    batch_size=self.scoring['batch_size'], by=self.scoring['metric'])

    def _restore(self, state: dict[str, Any]) -> None:
        require_same(state, self._settings(), 'its sampling of paths differs', 'begin in another --work-dir')
        self.predictor.load_state_dict(state['predictor'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.generator.set_state(state['generator'].cpu())
        self.scale, self.waiting, self.learned = state['scale'], state['waiting'].cpu(), state['learned']
        self.path = state['path'].cpu()
        self.space.select(self.sampler.choices(self.path))  # a validation that was due comes before an iteration

    def _next_paths(self, epoch: int) -> Tensor:
        if self.loss is None or epoch < self.warmup_epochs:
            return self.sampler.sample(1, self.generator)
        constraint = self.sampler.random_cost(self.generator)
        paths = self.sampler.sample_between(
            (1 - self.tolerance) * constraint, constraint, self.num_paths, self.generator)
        scores = self._predict(paths, torch.full((len(paths), ), constraint))
        return paths[scores.topk(self.topk).indices]

    @torch.no_grad()
    def _predict(self, paths: Tensor, constraints: Tensor) -> Tensor:
        return self.predictor(paths, self.sampler.active(paths), constraints / self.scale)

    def _learn(self, runner: Runner, paths: Tensor, constraints: Tensor) -> None:
        from scipy.stats import kendalltau  # takes half a second to import

        truth = -self.scorer(self.sampler, paths)
        runner.message_hub.update_scalar(
            'train/predictor_tau', float(kendalltau(self._predict(paths, constraints), truth).statistic))
        data = (paths, self.sampler.active(paths), constraints / self.scale, truth)
        loss = fit_predictor(self.predictor, self.optimizer, data, self.loss, self.fit_epochs, generator=self.generator)
        runner.logger.info(f'Epoch {runner.epoch}: the predictor learned from {len(paths)} paths '
                           f'(loss {loss:.4g}; score {-truth.max():.4g} to {-truth.min():.4g}).')
