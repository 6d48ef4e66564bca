"""A search by two processes of batch n is that of one process of batch 2n. Run as a script, this is one process."""
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel, MMDistributedDataParallel  # noqa: F401  (registered for the wrapper's config)
from torch.distributed import TCPStore

from kits import search as kit
from mmfusenas.models.losses import QualityLoss
from mmfusenas.models.restorers import HyperGuidedRestoration, Restoration, RUASEnhancement
from mmfusenas.models.scene import TIMFusion
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import HOOKS, MODELS
from mmfusenas.utils.launch import build_runner
from mmfusenas.utils.unwrap_model import unwrap_model


def register_double(kind: type) -> None:
    """Register a model or loss in float64, so that what is compared is the mathematics and not the order of sums."""

    class Double(kind):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.double()
            if isinstance(self, BaseModel):
                self.data_preprocessor.register_forward_hook(lambda module, args, data: dict(
                    data, inputs={name: x.double() for name, x in data['inputs'].items()}))

    Double.__name__ = f'Double{kind.__name__}'
    MODELS.register_module(module=Double, force=True)


for kind in (TIMFusion, RUASEnhancement, Restoration, HyperGuidedRestoration, QualityLoss):
    register_double(kind)


@HOOKS.register_module(force=True)
class FixedNormHook(Hook):
    """Leave the BatchNorm statistics alone: those of a batch depend on how it is divided."""

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        for module in runner.model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()


def search(folder: Path, batch_size: int, kind: str, launcher: str = 'none') -> None:
    options = dict(interval=1, optimizer=dict(type='Adam', lr=0.1, eps=1e-12))
    if kind == 'cooperative':
        # A period that lasts until the loss is settled ends in both processes at once.
        options.update(type='CooperativeSearchHook', strategy=dict(type='Unrolled'), alternation=[
            dict(stage='scene', tolerance=0.02, window=1, max_iters=3), dict(stage='task', iters=1)])
        cfg = kit.config(folder, search=options, export={}, model=dict(kit.RUAS, type='DoubleRUASEnhancement'),
                         find_unused_parameters=True)
    elif kind in ('loss', 'guidance'):
        given = kit.loss_search(folder / os.environ.get('RANK', 'one')) if kind == 'loss' else kit.proxy_search()
        given['model']['type'] = f'Double{given["model"]["type"]}'
        given['search'].update(options)
        cfg = kit.config(folder, **dict(given, **{'optim_wrapper.optimizer.lr': 1e-3}))
        if kind == 'loss':
            cfg.default_hooks.search.phases['loss'].losses[0].type = 'DoubleQualityLoss'
    else:
        if kind == 'phases':  # the cells that are decided against leave the graph
            options['phases'] = dict(cells=dict(choices='type$', end=1), operators=dict(choices='ops'))
        cfg = kit.config(folder, search=options, export={}, model=dict(type='DoubleTIMFusion', num_cells=2),
                         find_unused_parameters=kind == 'phases')
    cfg.custom_hooks.append(dict(type='FixedNormHook'))
    for loader in filter(None, (cfg.train_dataloader, cfg.default_hooks.search.dataloader)):
        loader.batch_size = batch_size
    runner = run(cfg, launcher)
    model = unwrap_model(runner)
    alphas = {name: alpha.detach() for name, alpha in SearchSpace(model).alphas().items()}
    keep(folder, weights=model.state_dict(), alphas=alphas)


def one_shot(folder: Path, batch_size: int, kind: str, launcher: str = 'none') -> None:
    cfg = kit.config(folder, model=dict(type='DoubleTIMFusion', num_cells=2), find_unused_parameters=True, export={})
    scored = dict(cfg.train_dataloader.dataset, offset=100, length=4)
    if kind == 'supernet':
        cfg.custom_hooks += [dict(type='FixedNormHook'), dict(
            type='PathSamplingHook', dataset=scored, batch_size=2, warmup_epochs=1, num_initial_paths=8,
            num_paths=4, tolerance=0.5, fit_epochs=3)]
        del cfg.default_hooks.export
        cfg.train_dataloader.batch_size = batch_size
    else:
        cfg.train_cfg = dict(type='EvolutionSearchLoop', max_epochs=3, limit=1200, strategy='plain', num_candidates=6,
                             topk=3)
        cfg.train_dataloader = dict(cfg.train_dataloader, dataset=scored)
        kit.with_weights(cfg, folder / f'start-{os.environ.get("RANK", "one")}.pth')
    runner = run(cfg, launcher)
    if kind == 'supernet':
        hook = kit.hook_of(runner, 'PathSamplingHook')
        keep(folder, weights=unwrap_model(runner).state_dict(), alphas=hook.predictor.state_dict())
    else:
        keep(folder, weights=dict(scores=runner.train_loop.scores), alphas=dict(paths=runner.train_loop.paths))


def run(cfg: Any, launcher: str) -> Any:
    cfg.launcher = launcher
    runner = build_runner(cfg)
    runner.train()
    return runner


def keep(folder: Path, **found: Any) -> None:
    torch.save(found, folder / f'{os.environ.get("RANK", "one")}.pth')


KINDS = dict(plain=search, phases=search, cooperative=search, loss=search, guidance=search, supernet=one_shot,
             evolution=one_shot)


@pytest.mark.parametrize('kind', [
    kind if kind in ('phases', 'cooperative', 'supernet') else pytest.param(kind, marks=pytest.mark.slow)
    for kind in KINDS])
def test_two_ranks_search_as_one(tmp_path, kind, ended):
    store = TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)  # as torchrun's, on a port that is free
    KINDS[kind](tmp_path, 4, kind)
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, str(tmp_path), kind], stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1',
                     MASTER_PORT=str(store.port), TORCHELASTIC_USE_AGENT_STORE='True', TORCHELASTIC_RESTART_COUNT='0',
                     OMP_NUM_THREADS='1'))
        for rank in range(2)]
    for process in processes:
        ended(process)
    one, *ranks = (torch.load(tmp_path / f'{name}.pth', weights_only=True) for name in ('one', '0', '1'))
    assert max(alpha.abs().max() for alpha in one['alphas'].values()) > 1e-3
    for rank in ranks:
        for kind in ('alphas', 'weights'):
            for name, value in one[kind].items():
                assert torch.allclose(rank[kind][name], value, rtol=1e-6, atol=1e-6), (kind, name)
    # The choices (what a one-shot search has learned of paths) are not only close but equal on both ranks.
    assert all(torch.equal(ranks[0]['alphas'][name], ranks[1]['alphas'][name]) for name in one['alphas'])


if __name__ == '__main__':
    KINDS[sys.argv[2]](Path(sys.argv[1]), 2, sys.argv[2], launcher='pytorch')
    torch.distributed.destroy_process_group()
