"""Evolutionary search of a one-shot supernet under a constraint."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmfusenas.core.errors import InputError, StateError
from mmfusenas.core.renamed import renamed
from mmfusenas.engine.hooks.path_sampling_hook import STATE_KEY
from mmfusenas.engine.loops.resumable import run_seed
from mmfusenas.engine.path_scorer import PathScorer
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.predictor import PathPredictor
from mmfusenas.nas.sampling import path_sampler
from mmfusenas.registry import DATASETS, LOOPS
from mmfusenas.utils.checkpoint import differences, extract_weights, fitting_share, load_checkpoint, require_same
from mmfusenas.utils.stop_signals import StopSignals
from mmfusenas.utils.unwrap_model import unwrap_model
from mmfusenas.visualization.pareto_plot import plot_pareto

STRATEGIES = ('guided', 'plain', 'random')
MAX_DRAWS = 1000


@LOOPS.register_module()
class EvolutionSearchLoop(BaseLoop):
    """Search the paths of a trained supernet for the best below a constraint (DCNAS algorithm 2).

    The weights stay as ``load_from`` brings them. A round scores a population of paths on the images of
    ``train_dataloader`` (none of those that the supernet trained on), keeps the ``topk`` best of all rounds, and makes
    the next population of them: one half by crossing two, every choice from either, one half by changing one, every
    choice with probability ``mutate_prob``. Every path obeys the constraint. The best path so far is what the model has
    selected, so that :class:`GenotypeExportHook` writes its genotype. A round counts as an epoch of one iteration.

    Several processes share the paths of a population, and get what one process gets. A resumed search ends as one that
    was not stopped. ``pareto.png`` in the work dir shows every path that was scored, cost against score.

    Args:
        runner: Runner.
        dataloader: Config of the dataloader; its data set and batch size are used.
        limit: Tau, the largest cost, in the unit of ``cost``.
        max_epochs: Rounds. Defaults to 200.
        strategy: ``'guided'``: the first population is what the supernet's predictor holds best of
            ``num_initial_paths`` legal paths. ``'plain'``: it is random. ``'random'``: every population is. Defaults to
            'guided'.
        num_candidates: N, the paths of a population, an even number. Defaults to 50.
        topk: k, the number of parents. Defaults to 10.
        mutate_prob: Probability of every choice. Defaults to 0.1.
        num_initial_paths: Legal paths that the predictor looks at. Defaults to 1000.
        metric: See :class:`PathScorer`. Defaults to 'loss'.
        table, cost, fixed: As of :class:`PathSamplingHook`.
        max_score: Largest score that the best path of the first population may have; the search of a supernet that
            has learned less ends there. By ``metric='ratio'``, 0.75 asks for a quarter less error than bicubic
            interpolation. None: any. Defaults to None.

    Raises:
        ValueError: If the strategy is another word, the population is odd, smaller than ``topk`` or larger than
            ``num_initial_paths``, ``mutate_prob`` is no probability, ``load_from`` does not hold all weights of the
            supernet, which was trained with other ``fixed`` or, where the search is guided, has no predictor or one of
            other costs.
        RuntimeError: If the first population does not reach ``max_score``.

    Example:
        >>> train_cfg = dict(type='EvolutionSearchLoop', limit=0.6e6)
    """

    def __init__(self, runner: Runner, dataloader: dict, limit: float, max_epochs: int = 200, strategy: str = 'guided',
                 num_candidates: int = 50, topk: int = 10, mutate_prob: float = 0.1, num_initial_paths: int = 1000,
                 metric: str = 'loss', table: str | None = None, cost: str = 'parameters',
                 fixed: dict[str, str] | None = None, max_score: float | None = None) -> None:
        if strategy not in STRATEGIES or num_candidates % 2 or not 0 <= mutate_prob <= 1 or not (
                0 < topk <= num_candidates <= num_initial_paths):
            raise InputError(
                f'EvolutionSearchLoop got strategy={strategy!r}, num_candidates={num_candidates}, topk={topk}, '
                f'num_initial_paths={num_initial_paths}, mutate_prob={mutate_prob}; it knows {list(STRATEGIES)}, '
                'num_candidates is even, at least topk and at most num_initial_paths, mutate_prob a probability.')
        dataset = DATASETS.build(dataloader['dataset'])
        super().__init__(runner, DataLoader(dataset, len(dataset)))  # a round is an epoch of one iteration
        self.scoring = dict(batch_size=dataloader['batch_size'], metric=metric)
        self.limit, self.max_epochs, self.max_iters, self.strategy = limit, max_epochs, max_epochs, strategy
        self.num_candidates, self.topk, self.mutate_prob = num_candidates, topk, mutate_prob
        self.num_initial_paths = num_initial_paths
        self.table, self.cost, self.fixed, self.max_score = table, cost, dict(fixed or {}), max_score
        self._epoch = self._iter = 0
        self._state: dict[str, Any] | None = None

    @property
    def epoch(self) -> int:
        """Rounds that are done."""
        return self._epoch

    @property
    def iter(self) -> int:
        """The same."""
        return self._iter

    def run(self) -> nn.Module:
        """Search."""
        self.space = SearchSpace(unwrap_model(self.runner))
        self.sampler = path_sampler(self.space, self.table, self.cost, self.fixed)
        self.generator = torch.Generator().manual_seed(run_seed(self.runner))
        self.paths, self.scores = self.sampler.sample(0), torch.zeros(0, dtype=torch.float64)  # all that were scored
        self.runner.call_hook('before_train')
        if self._state:
            self._restore(self._state)
        else:
            self.population = self._first(self._supernet_state())
        scorer = PathScorer(unwrap_model(self.runner), self.dataloader.dataset, **self.scoring)
        while self._epoch < self.max_epochs:
            with StopSignals() as signals:
                self._round(scorer)
                signals.stop_if_asked(self.runner)
        if is_main_process():
            figure = plot_pareto(
                self.sampler.cost(self.paths), self.scores, self.limit, self.cost, self.scoring['metric'])
            figure.savefig(Path(self.runner.work_dir) / 'pareto.png', dpi=120)
        self.runner.call_hook('after_train')
        return self.runner.model

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs to know."""
        return dict(self._settings(), generator=self.generator.get_state(), population=self.population,
                    paths=self.paths, scores=self.scores)

    def _settings(self) -> dict[str, Any]:
        """Return what a resumed search has to have in common with this one."""
        return dict(loop=type(self).__name__, limit=self.limit, cost=self.cost, strategy=self.strategy,
                    space_hash=self.space.hash, metric=self.scoring['metric'], num_candidates=self.num_candidates,
                    topk=self.topk, mutate_prob=self.mutate_prob, num_initial_paths=self.num_initial_paths,
                    fixed=self.fixed, samples=len(self.dataloader.dataset), batch_size=self.scoring['batch_size'],
                    costs=self.sampler.hash)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember the state of the search that is continued.

        Raises:
            RuntimeError: If it had another constraint, strategy, score, population or space.
        """
        state = renamed(state, dict(by='metric'))
        require_same(state, self._settings(), 'its search differs', 'begin a new search in another --work-dir')
        self._state = state

    def _restore(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state['generator'].cpu())
        self.population, self.paths, self.scores = (state[key].cpu() for key in ('population', 'paths', 'scores'))
        self._select_best()
        if self._epoch < self._iter:  # a checkpoint after an iteration: the end of its round is yet to come
            self._end_round()

    def _round(self, scorer: PathScorer) -> None:
        self.runner.call_hook('before_train_epoch')
        self.runner.call_hook('before_train_iter', batch_idx=0)
        new = self._not_yet_scored(self.population)
        self.scores = torch.cat([self.scores, scorer(self.sampler, new)])
        if self._epoch == 0:
            self._check_supernet()
        self.paths = torch.cat([self.paths, new])
        best = self.scores.argsort(stable=True)
        self.population = self._next(self.paths[best[:self.topk]])
        self._select_best()
        self.runner.call_hook('after_train_iter', batch_idx=0, outputs=dict(
            search_best=self.scores[best[0]], search_top=self.scores[best[:self.num_candidates]].mean(),
            search_cost=self.sampler.cost(self.paths[best[:1]])[0]))
        self._iter += 1
        self._end_round()

    def _end_round(self) -> None:
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _check_supernet(self) -> None:
        """Raise where the first paths say that the supernet is not worth a search."""
        best = float(self.scores.min())
        if self.max_score is not None and best > self.max_score:
            raise StateError(f'The best of {len(self.scores)} paths of the supernet has a {self.scoring["metric"]} of '
                             f'{best:.3g}, more than max_score={self.max_score}: the order of such paths says little '
                             'of trained networks. Train the supernet longer, or set train_cfg.max_score.')

    def _select_best(self) -> None:
        self.space.select(self.sampler.choices(self.paths[self.scores.argmin()]))

    def _supernet_state(self) -> dict[str, Any]:
        """Return what ``load_from`` knows of the sampling of its training; raise where its weights do not serve."""
        source = self.runner.cfg.get('load_from')
        content = load_checkpoint(source) if source else {}
        share = fitting_share(unwrap_model(self.runner), extract_weights(content, source)) if source else 0
        if share < 1:
            raise InputError(f'The paths are scored with the weights of a trained supernet, and load_from is {source}, '
                             f'which has {share:.0%} of those of this model. Set load_from to the checkpoint of a '
                             'supernet of the same width and space.')
        state = content.get(STATE_KEY, {})
        if not self.sampler.all_fixed(state.get('fixed', {})):
            raise InputError(f'The supernet of {source} trained only the paths of fixed={state["fixed"]}, this search '
                             'has others too. Set train_cfg.fixed to it.')
        return state

    def _first(self, state: dict[str, Any]) -> Tensor:
        if self.strategy != 'guided':
            return self._random(self.num_candidates)
        self._check_predictor(state)
        predictor, paths = PathPredictor(self.sampler.sizes.tolist()), self._random(self.num_initial_paths)
        predictor.load_state_dict(state['predictor'])
        # The constraint that a path just meets, as in the learning.
        constraints = self.sampler.cost(paths) / state['scale']
        with torch.no_grad():
            return paths[predictor(paths, self.sampler.active(paths), constraints).topk(self.num_candidates).indices]

    def _check_predictor(self, state: dict[str, Any]) -> None:
        source = self.runner.cfg.load_from
        if not state or state['loss'] is None or state['learned'] < 0 or state['space_hash'] != self.space.hash:
            raise InputError(f"A guided search begins with the predictor of the supernet, and load_from is {source}, "
                             "which holds none of this space that has learned. Set load_from to a checkpoint of "
                             "PathSamplingHook's, or train_cfg.strategy='plain'.")
        changed = differences(state, dict(cost=self.cost, costs=self.sampler.hash))
        if changed:
            raise InputError(f'The predictor of {source} learned with constraints of other costs than the limit of '
                             f'this search ({changed}). Set train_cfg.cost and train_cfg.table as in the supernet, or '
                             "train_cfg.strategy='plain'.")

    def _random(self, number: int) -> Tensor:
        return self.sampler.sample_between(0, self.limit, number, self.generator)

    def _next(self, parents: Tensor) -> Tensor:
        if self.strategy == 'random':
            return self._random(self.num_candidates)
        return torch.cat([self._legal(self._cross, parents), self._legal(self._mutate, parents)])

    def _legal(self, make: Any, parents: Tensor) -> Tensor:
        """Return half a population of what ``make`` makes and the constraint allows, filled up with the parents."""
        children, half = parents[:0], self.num_candidates // 2
        for _ in range(MAX_DRAWS):
            drawn = make(parents)
            children = torch.cat([children, drawn[self.sampler.cost(drawn) <= self.limit]])
            if len(children) >= half:
                return children[:half]
        # Below a tight limit hardly a child of many changes is legal; the parents are.
        return torch.cat([children, *[parents] * half])[:half]

    def _cross(self, parents: Tensor) -> Tensor:
        first, second = torch.randint(len(parents), (2, self.num_candidates), generator=self.generator)
        from_first = torch.rand(self.num_candidates, parents.shape[1], generator=self.generator) < 0.5
        return torch.where(from_first, parents[first], parents[second])

    def _mutate(self, parents: Tensor) -> Tensor:
        chosen = parents[torch.randint(len(parents), (self.num_candidates, ), generator=self.generator)]
        changed = torch.rand(chosen.shape, generator=self.generator) < self.mutate_prob
        return torch.where(changed, self.sampler.sample(self.num_candidates, self.generator), chosen)

    def _not_yet_scored(self, paths: Tensor) -> Tensor:
        """Return the different ones among paths that were not scored in a former round."""
        seen = {tuple(path) for path in self._canonical(self.paths).tolist()}
        new = {tuple(key): i for i, key in enumerate(self._canonical(paths).tolist()) if tuple(key) not in seen}
        return paths[sorted(new.values())]

    def _canonical(self, paths: Tensor) -> Tensor:
        """Return paths with -1 where a choice does not count."""
        return torch.where(self.sampler.active(paths), paths, -1)
