"""Trains or searches, kills the run by signals again and again, and resumes it; a program of its own.

Everything is imported once, and each life of the run is a fork of that state. ``test_resume_killed.py`` runs it as
``python -m kits.resume_killed FOLDER RUN WORKERS RANDOM_KILLS``: it kills the run four times while saving, then so many
times by SIGKILL and as many times by SIGTERM at random moments, and prints what it found as JSON.
"""
from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from kits import resume as resume_kit
from kits import search as search_kit
from mmfusenas.registry import HOOKS
from mmfusenas.utils.checkpoint import latest_checkpoint, load_checkpoint

INTERVAL = 4
ITERATIONS = 6
"""A life is killed after so many at most."""

CONFIGS = Path(__file__).parents[2] / 'configs'


@HOOKS.register_module()
class ReportHook(Hook):
    """Tell the parent process of every iteration that is finished."""

    priority = 'LOWEST'

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        os.write(self.pipe, f'{runner.iter + 1}\n'.encode())


def die_at(function: str, count: int, after: bool) -> None:
    """Let the process kill itself right before or after the ``count``-th call of an ``os`` function."""
    original, calls = getattr(os, function), []

    def call(*args, **kwargs):
        calls.append(args)
        if len(calls) == count and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(os, function, call)


def train_toy(folder: Path, workers: int, epochs: int, pipe: int, loop: str = 'epoch') -> dict:
    """Train the toy, from its last checkpoint on; return its final state."""
    length = dict(max_epochs=epochs) if loop == 'epoch' else dict(max_iters=epochs * 6)
    cfg = resume_kit.config(folder, loop, workers=workers, interval=INTERVAL, train_cfg=length)
    cfg.param_scheduler[1].total_steps = epochs * 6
    cfg.custom_hooks.append(dict(type='ReportHook', pipe=pipe))
    state = resume_kit.state(resume_kit.train(cfg, resume=True))
    state['python'] = None
    return state


def train_toy_by_iteration(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Train the toy in the loop that counts iterations."""
    return train_toy(folder, workers, epochs, pipe, 'iter')


def search(folder: Path, workers: int, epochs: int, pipe: int, options: dict | None = None, **changes) -> dict:
    """Search with EMA, from the last checkpoint on; return the final weights, choices, optimizers and files."""
    cfg = search_kit.config(
        folder, search=options or {}, export={}, epochs=epochs, ema=True,
        **changes, **{'default_hooks.checkpoint.interval': INTERVAL, 'train_dataloader.num_workers': workers})
    if cfg.default_hooks.search.dataloader is not None:
        cfg.default_hooks.search.dataloader.num_workers = workers
    cfg.custom_hooks.append(dict(type='ReportHook', pipe=pipe))
    runner = search_kit.train(cfg, resume=True)
    hooks = {type(hook).__name__: hook for hook in runner.hooks}
    return dict(
        model=runner.model.state_dict(), optimizer=runner.optim_wrapper.state_dict(),
        ema=hooks['EMAHook'].ema_model.state_dict(),
        search=hooks[cfg.default_hooks.search.type].optimizer.state_dict(),
        torch=torch.get_rng_state(),
        files={str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob('*.json'))
               if 'vis_data' not in file.parts})


def cooperate(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Search two agents cooperatively, a period of the task going on until its loss stops falling."""
    periods = [dict(stage='scene', iters=2), dict(stage='task', tolerance=0.05, window=2, max_iters=5)]
    return search(folder, workers, epochs, pipe, dict(type='CooperativeSearchHook', alternation=periods),
                  model=copy.deepcopy(search_kit.RUAS))


def search_loss(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Search a loss for an epoch, then the network that it trains."""
    options = search_kit.loss_search(folder)
    return search(folder, workers, epochs, pipe, options.pop('search'), **without_export(options))


def search_guidance(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Learn proxies in alternation with the network that they guide."""
    options = search_kit.proxy_search()
    return search(folder, workers, epochs, pipe, options.pop('search'), **without_export(options))


def without_export(options: dict) -> dict:
    return {name: value for name, value in options.items() if name != 'export'}


def sample_paths(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Train a supernet path by path, with a predictor; return weights, optimizers and what is yet to train."""
    scored = dict(search_kit.loader(offset=100)['dataset'], length=4)
    cfg = search_kit.config(folder, epochs=2 * epochs, **search_kit.TWO_CELLS, **{
        'default_hooks.checkpoint.interval': INTERVAL, 'train_dataloader.num_workers': workers,
        'optim_wrapper.optimizer.lr': 1e-3})
    cfg.custom_hooks += [dict(type='PathSamplingHook', dataset=scored, batch_size=2, warmup_epochs=1, interval=2,
                              num_paths=5, num_initial_paths=12, num_refresh_paths=6, tolerance=0.5, fit_epochs=5),
                         dict(type='ReportHook', pipe=pipe)]
    runner = search_kit.train(cfg, resume=True)
    hook = search_kit.hook_of(runner, 'PathSamplingHook')
    return dict(model=runner.model.state_dict(), optimizer=runner.optim_wrapper.state_dict(),
                predictor=hook.predictor.state_dict(), waiting=hook.waiting, generator=hook.generator.get_state())


def evolve(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Search paths by evolution, a round an iteration; return every path that was scored, and the genotype."""
    scored = dict(search_kit.loader(offset=100)['dataset'], length=4)
    cfg = search_kit.config(folder, export={}, **search_kit.TWO_CELLS)
    cfg.merge_from_dict(dict(train_dataloader=dict(dataset=scored, num_workers=workers), train_cfg=dict(
        _delete_=True, type='EvolutionSearchLoop', max_epochs=4 * epochs, limit=1200, num_candidates=6, topk=3,
        strategy='plain')))
    cfg.default_hooks.checkpoint.update(interval=INTERVAL, by_epoch=True)
    cfg.custom_hooks.append(dict(type='ReportHook', pipe=pipe))
    if not (folder / 'last_checkpoint').exists():
        search_kit.with_weights(cfg, folder / 'start.pth')
    loop = search_kit.train(cfg, resume=cfg.get('load_from') is None).train_loop
    return dict(paths=loop.paths, scores=loop.scores, population=loop.population,
                genotype=(folder / 'genotype.json').read_text())


def meta_initialise(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Meta-initialise a fusion network over two tasks, an epoch of one after an epoch of the other."""
    tasks = [dict(search_kit.loader(offset=offset)['dataset']) for offset in (0, 50)]
    cfg = search_kit.config(folder, **{
        'default_hooks.checkpoint.interval': INTERVAL, 'train_dataloader.num_workers': workers,
        'train_cfg': dict(_delete_=True, type='MetaInitLoop', max_iters=4 * epochs, steps=2, second_order=False,
                          inner_optimizer=dict(type='SGD', lr=1e-3))})
    cfg.train_dataloader.dataset = dict(type='AlternatingDataset', datasets=tasks)
    cfg.model = dict(type='TIMFusion', genotype='tim-light', channels=4, loss=cfg.model.loss)
    cfg.custom_hooks.append(dict(type='ReportHook', pipe=pipe))
    return trained(search_kit.train(cfg, resume=True))


def detect(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Train a fusion network and the detector that guides it, in three stages."""
    return guided('retinanet_ivif.py', folder, workers, epochs, pipe)


def segment(folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Train a fusion network and the segmentor that guides it, in three stages."""
    return guided('resnet18_ivif.py', folder, workers, epochs, pipe)


def guided(config: str, folder: Path, workers: int, epochs: int, pipe: int) -> dict:
    """Train by a config of task guidance on four small scenes, validated once."""
    cfg = Config.fromfile(CONFIGS / 'tim' / config)
    cfg.merge_from_dict({
        'work_dir': str(folder), 'launcher': 'none', 'log_level': 'ERROR', 'visualizer.name': folder.name,
        'default_hooks.checkpoint': dict(interval=INTERVAL, by_epoch=False),
        'default_hooks.guidance': dict(scene_length=1, task_length=2, dry_run=False),
        'default_hooks.visualization.draw': False, 'train_cfg': dict(max_epochs=2 * epochs, val_interval=epochs),
        'train_dataloader': dict(batch_size=2, num_workers=workers, persistent_workers=workers > 0)})
    for loader, length in ((cfg.train_dataloader, 4), (cfg.val_dataloader, 1)):
        loader.dataset.update(size=(64, 80), length=length)
    cfg.val_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.custom_hooks = [dict(type='ReportHook', pipe=pipe)]
    return trained(search_kit.train(cfg, resume=True))


def trained(runner: Any) -> dict:
    """Return weights, optimizer and random state of a training."""
    return dict(model=runner.model.state_dict(), optimizer=runner.optim_wrapper.state_dict(),
                torch=torch.get_rng_state())


RUNS = dict(toy=train_toy, iterations=train_toy_by_iteration, search=search, cooperative=cooperate, loss=search_loss,
            guidance=search_guidance, supernet=sample_paths, evolution=evolve, initialisation=meta_initialise,
            detector=detect, segmentor=segment)


def live(run: str, folder: Path, workers: int, epochs: int, pipe: int, death: tuple | None) -> None:
    """One life of the run, in a process of its own."""
    if death is not None:
        die_at(*death)
    torch.save(RUNS[run](folder, workers, epochs, pipe), folder / 'state.pth')


def watch(run: str, folder: Path, workers: int, epochs: int, death: tuple | None = None,
          moment: tuple[int, float, int] | None = None) -> tuple[bool, int]:
    """Start a life and return (finished, last iteration).

    It dies by itself at ``death``, or by the signal of ``moment``, so many iterations and seconds after it began.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            live(run, folder, workers, epochs, write, death)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(write)
    reported = b''
    if moment is not None:
        iterations, seconds, number = moment
        while reported.count(b'\n') < iterations and (chunk := os.read(read, 65536)):
            reported += chunk
        time.sleep(seconds)
        os.kill(child, number)
    _, status = os.waitpid(child, 0)
    # What is there; the pipe's end would come only when orphaned worker processes have missed their parent.
    os.set_blocking(read, False)
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(read, 65536):
            reported += chunk
    os.close(read)
    lines = reported.decode().rpartition('\n')[0].split()
    return os.waitstatus_to_exitcode(status) == 0, int(lines[-1]) if lines else 0


def checkpoint_iteration(folder: Path) -> int:
    """Return the iteration of the checkpoint that a resume begins with; it has to load."""
    latest = latest_checkpoint(folder)
    return load_checkpoint(latest)['meta']['iter'] if latest else 0


def main(folder: Path, run: str, workers: int, random_kills: int) -> dict:
    """Kill at chosen places of saving, then at random, then let it finish; compare with a run that was left alone."""
    torch.set_num_threads(1)
    resume_kit.import_all()
    (folder / 'whole').mkdir(parents=True)
    (folder / 'parts').mkdir()
    # Of four iterations or six: enough for all lives, though a run may lose what came after its last checkpoint.
    epochs = 4 + 2 * random_kills * (ITERATIONS + 2) // 4 * (3 if run in ('toy', 'iterations') else 1)  # they are fast
    assert watch(run, folder / 'whole', workers, epochs)[0]
    # Before the move of the second checkpoint (its file half done), after it (its pointer not), after the pointer, and
    # between the removal of old files. Best checkpoints of the validations count in between.
    deaths = [('replace', 3, False), ('replace', 3, True), ('replace', 6, True), ('unlink', 1, False)]
    repeated, kills = [], 0
    numbers = random.Random(0)
    for number in range(len(deaths) + 2 * random_kills):
        death = deaths[number] if number < len(deaths) else None
        moment = None if death else (numbers.randint(1, ITERATIONS), numbers.uniform(0, 0.05),
                                     (signal.SIGKILL, signal.SIGTERM)[number % 2])
        finished, reached = watch(run, folder / 'parts', workers, epochs, death, moment)
        if finished:
            break
        kills += 1
        repeated.append(reached and reached - checkpoint_iteration(folder / 'parts'))
    if not finished:
        assert watch(run, folder / 'parts', workers, epochs)[0]
    states = [torch.load(folder / name / 'state.pth', weights_only=False) for name in ('whole', 'parts')]
    return dict(kills=kills, repeated=repeated, differences=resume_kit.differences(*states),
                leftovers=[path.name for path in (folder / 'parts').rglob('*.partial')])


if __name__ == '__main__':
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
