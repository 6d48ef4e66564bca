"""Files of a search: genotypes, its history, and the config that retrains the network found."""
from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmfusenas.core.errors import FileError
from mmfusenas.core.files import write_text
from mmfusenas.engine.hooks.bilevel_search_hook import GRADIENTS
from mmfusenas.nas import Genotype, SearchSpace, with_genotype
from mmfusenas.nas.health import SearchHealth, conclusion, decided, warning
from mmfusenas.registry import HOOKS
from mmfusenas.utils.complexity import complexity
from mmfusenas.utils.config_files import config_from
from mmfusenas.utils.config_hooks import is_hook
from mmfusenas.utils.unwrap_model import unwrap_model

STATE_KEY = 'genotype_export'

TRAINING = ('train_dataloader', 'train_cfg', 'val_dataloader', 'val_cfg', 'val_evaluator', 'optim_wrapper',
            'param_scheduler', 'default_hooks', 'custom_hooks', 'log_processor')
"""What of a config says how a network trains."""


@HOOKS.register_module()
class GenotypeExportHook(Hook):
    """Write the found genotype after each epoch of a search and at its end.

    In the work dir: ``genotypes/epoch_N.json``, ``genotype.json`` (the last, or the best by a validation metric),
    ``search.json`` (probabilities, entropy, losses and expected costs of every epoch, weights of a searched loss, and
    the ``health``: of the gradients since the phase began, :class:`SearchHealth`, and how far the choices are from
    uniform) and ``retrain.py``, a config that trains the derived network from scratch. Each file is moved into place
    whole. A Runner that was given a model object has no config of the model, and writes no ``retrain.py``. The hook
    warns where the gradients of a search are noise, and at the end where little was decided.

    Args:
        shape: Height and width of the images for the multiply-adds in ``costs``; None leaves them out.
        save_best: Validation metric (``'coco/bbox_mAP'``), the larger the better, by which ``genotype.json`` is the
            best rather than the last. Defaults to None.
        retrain_as: Config file; what was found trains on its data, by its schedule, optimizer and hooks. Defaults to
            None: as the search did.
        retrain: Changes to the config for retraining, by dotted key (``{'train_dataloader.dataset.split':
            'train.txt'}``). Defaults to none.

    Raises:
        FileNotFoundError: There is no file ``retrain_as``.

    Example:
        >>> GenotypeExportHook(save_best='coco/bbox_mAP', retrain_as='no_such.py')
        Traceback (most recent call last):
        mmfusenas.core.errors.FileError: GenotypeExportHook got retrain_as=no_such.py, and there is no such config.
        >>> GenotypeExportHook(shape=(448, 620)).priority
        'LOW'
    """

    priority = 'LOW'  # after the search hook's step, before the checkpoint is written

    def __init__(self, shape: tuple[int, int] | None = None, save_best: str | None = None,
                 retrain_as: str | None = None, retrain: dict | None = None) -> None:
        if retrain_as and not Path(retrain_as).is_file():
            raise FileError(f'GenotypeExportHook got retrain_as={retrain_as}, and there is no such config.')
        self.shape = shape
        self.save_best = save_best
        self.retrain_as, self.retrain = retrain_as, retrain or {}
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self._costs: dict[tuple, dict] = {}
        self.health = SearchHealth()

    def before_train(self, runner: Runner) -> None:
        """Find the choices of the model."""
        self.space = SearchSpace(unwrap_model(runner))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the gradients of a step on the choices, and warn where they are noise."""
        grads = runner.message_hub.runtime_info.get(GRADIENTS)
        if grads is None:
            return
        runner.message_hub.pop_info(GRADIENTS)
        grads = {name: grad for name, grad in grads.items() if name in self.space.decisions}
        self.health.add(grads)
        noise = warning(self.health.report(grads))
        if noise:
            runner.logger.warning(noise)

    def after_train_epoch(self, runner: Runner) -> None:
        """Export the present choices as the epoch's genotype."""
        epoch = runner.epoch + 1
        genotype = self._genotype(runner, epoch)
        self.history = [entry for entry in self.history if entry['epoch'] < epoch]
        self.history.append(self._entry(runner, epoch))
        self._write(runner, genotype, f'genotypes/epoch_{epoch}.json')
        if self.best is None or not self.save_best:
            self._export(runner, genotype)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Keep the genotype of the best validation, where ``save_best`` asks for it."""
        score = (metrics or {}).get(self.save_best) if self.save_best else None
        if self.save_best and metrics and score is None:
            runner.logger.warning(f'The validation gave no {self.save_best}, by which GenotypeExportHook keeps the '
                                  f'best; it gave {", ".join(metrics)}.')
        if score is None or math.isnan(score) or (self.best and score <= self.best['score']):
            return
        genotype = self._genotype(runner, runner.epoch)
        self.best = dict(score=float(score), genotype=genotype.to_dict())
        self._export(runner, genotype)

    def after_train(self, runner: Runner) -> None:
        """Say where the result is and what to do with it, and whether it is one."""
        undecided = conclusion(self.history[-1].get('health', {})) if self.history else ''
        if undecided:
            runner.logger.warning(undecided)
        found = Path(runner.work_dir) / 'genotype.json'
        runner.logger.info(f'Found {found}. ' + (
            f'Train it: python tools/train.py {found.with_name("retrain.py")}' if _has_config(runner.cfg) else
            f'The Runner was given a model, not its config, so there is no retrain.py: build the model with '
            f"genotype='{found}', or derive the network by SearchSpace(model).derive(Genotype.load('{found}'))."))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the history and the genotype: the checkpoint alone can be derived."""
        checkpoint['genotype'] = self._genotype(runner, checkpoint['meta']['epoch']).to_dict()
        checkpoint[STATE_KEY] = dict(history=self.history, best=self.best, health=self.health.state_dict())

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Continue the history of a resumed search."""
        state = checkpoint.get(STATE_KEY)
        if state and runner._resume:
            self.history, self.best = state['history'], state['best']
            if 'health' in state:
                self.health.load_state_dict(state['health'])

    def _health(self) -> dict[str, Any]:
        """Return the report of the decisions that are open: those of past phases are fixed."""
        names = [name for name, decision in self.space.decisions.items() if not decision.is_fixed]
        report = self.health.report(names)
        found = decided(self.space.choices[name] for name in self.space.genotype().choices)
        steps = max((self.health.steps.get(name, 0) for name in names), default=0)
        return dict(found, **(report or dict(steps=steps))) if found else report

    def _genotype(self, runner: Runner, epoch: int) -> Genotype:
        source = dict(config=runner.cfg.filename or '', epoch=epoch, seed=runner.seed)
        genotype = self.space.genotype(source=source)
        key = tuple(genotype.choices.items())  # weights of a loss cost nothing
        if key not in self._costs:  # a copy of the model and a forward: not at every checkpoint
            self._costs = {key: complexity(self.space.derive(genotype), self.shape)}
        return replace(genotype, costs=self._costs[key])

    def _entry(self, runner: Runner, epoch: int) -> dict[str, Any]:
        scalars = {name.removeprefix('train/search_'): float(scalar.current())
                   for name, scalar in runner.message_hub.log_scalars.items() if name.startswith('train/search_')}
        expected = {name.removeprefix('expected_'): scalars.pop(name) for name in list(scalars)
                    if name.startswith('expected_')}
        probabilities = {name: choice.probabilities().tolist() for name, choice in self.space.choices.items()}
        weights = {name: loss_weights.best() for name, loss_weights in self.space.loss_weights.items()}
        if weights:
            scalars['weights'] = weights
        health = self._health()
        if health:
            scalars['health'] = health
        return dict(epoch=epoch, iteration=runner.iter, probabilities=probabilities, entropy=self.space.entropy(),
                    expected_cost=expected, **scalars)

    @master_only
    def _write(self, runner: Runner, genotype: Genotype, name: str) -> None:
        work_dir = Path(runner.work_dir)
        genotype.save(work_dir / name)
        choices = {name: dict(candidates=list(choice.candidates)) for name, choice in self.space.choices.items()}
        write_text(work_dir / 'search.json', json.dumps(dict(choices=choices, epochs=self.history), indent=1))

    @master_only
    def _export(self, runner: Runner, genotype: Genotype) -> None:
        work_dir = Path(runner.work_dir)
        genotype.save(work_dir / 'genotype.json')
        if _has_config(runner.cfg):
            config = retrain_config(runner.cfg, genotype, work_dir, self.retrain_as, self.retrain)
            write_text(work_dir / 'retrain.py', config.pretty_text)


def _has_config(cfg: Config) -> bool:
    """Return whether a config says how the model is built; a Runner may have been given the model itself."""
    return isinstance(cfg.get('model'), dict)


def retrain_config(cfg: Config, genotype: Genotype, work_dir: Path, retrain_as: str | None = None,
                   changes: Mapping[str, Any] | None = None) -> Config:
    """Return the config that trains the network of ``genotype``: the search's, with the genotype and without its hooks.

    How it trains is as in the config file ``retrain_as``, where one is given, and ``changes`` come on top. The genotype
    stands in the config itself, part by part, so that the file is complete alone.
    """
    cfg = Config(cfg.to_dict())
    if retrain_as:
        training = config_from(retrain_as)
        cfg = Config(dict(cfg.to_dict(), **{key: training.get(key) for key in TRAINING}))
    searching = ('BilevelSearchHook', 'GenotypeExportHook', 'PathSamplingHook')
    cfg.default_hooks = {name: hook for name, hook in (cfg.get('default_hooks') or {}).items()
                         if not (hook and is_hook(hook, *searching))}
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or [] if not is_hook(hook, *searching)]
    # A copy, because merging takes every `_delete_` out of what it merges, and there is an export an epoch.
    changes = copy.deepcopy(dict(changes or {}))
    cfg.merge_from_dict({**dict(work_dir=str(work_dir / 'retrain'), resume=False, load_from=None), **changes})
    cfg.model = with_genotype(cfg.to_dict()['model'], genotype)
    return cfg
