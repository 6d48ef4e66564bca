"""Every system on one device: whether it agrees with the CPU, how fast it trains, searches and infers, and resumes.

Three tables, on the built-in scenes. `agreement`: loss and gradient of a batch on the device and on the CPU, in float32
without TF32. `speed`: training and search by the Runner that `tools/train.py` builds, inference by `test_step`; in
float32, mixed precision and compiled, images a second after a warm-up, the ratio to mmdet's RetinaNet on the visible
image alone, and the peak memory, each in a process of its own. `resume`: a search that is killed and resumed against
one that was not.

    python benchmarks/gpu.py [--device cuda] [--seconds 20] [--parts agreement speed resume] [--json FILE]
"""
import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import torch
from mixed_precision import WRAPPERS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.utils import track_iter_progress
from runs import config_with
from terminaltables import AsciiTable
from timing import now
from torch import Tensor, nn

import mmfusenas.datasets
import mmfusenas.models  # noqa: F401  registers what the configs name
from mmfusenas.core.files import write_text
from mmfusenas.models.classifiers import QualityClassifier
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils import memory
from mmfusenas.utils.checkpoint import latest_checkpoint, load_checkpoint
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.launch import build_runner

TRAININGS = dict(TIM='tim/retinanet_ivif.py', RUAS='ruas/enhance.py', DCNAS='dcnas/scenes_depth.py',
                 Hadamard='hadamard/lowlight.py', **{'hyper-guidance': 'hyperguidance/denoise.py'})
SEARCHES = dict(TIM='tim/retinanet_ivif_search.py', RUAS='ruas/enhance_search.py', DCNAS='dcnas/supernet.py',
                Hadamard='hadamard/search.py', **{'hyper-guidance': 'hyperguidance/deblur.py'})
DETECTOR = 'RetinaNet, visible'
MODES = ('float32', 'mixed', 'compiled')
WARM_UP = 3
"""Steps that do not count; the first one of a compiled model compiles."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', default='cuda', choices=list(WRAPPERS), help='default: cuda')
    parser.add_argument('--seconds', type=float, default=20, help='of each measurement of speed (default: 20)')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='default: all')
    parser.add_argument('--systems', nargs='+', choices=TRAININGS, default=list(TRAININGS), help='default: all')
    parser.add_argument('--modes', nargs='+', choices=MODES, default=list(MODES), help='default: all')
    parser.add_argument('--batch', type=int, metavar='N', help="images a batch (default: the configs')")
    parser.add_argument('--json', metavar='FILE', help='write the tables')
    return parser.parse_args()


def config_of(file: str, args: argparse.Namespace) -> Config:
    """Return a config for this device, without validation and checkpoints, in a folder that goes away."""
    cfg = config_with(f'configs/{file}', [])
    cfg.update(launcher='none', work_dir=tempfile.mkdtemp(), log_level='ERROR', val_cfg=None, val_dataloader=None,
               val_evaluator=None)
    cfg.default_hooks.checkpoint.interval = 10**9
    if args.batch:
        cfg.train_dataloader.batch_size = args.batch
    return cfg


def first_batch(cfg: Config, part: str = 'train') -> dict:
    loader = dict(cfg[f'{part}_dataloader'], num_workers=0, persistent_workers=False)
    return next(iter(Runner.build_dataloader(loader, seed=0)))


def agreement(args: argparse.Namespace) -> list[list]:
    """Return how far loss and gradient on the device are from those on the CPU, a row a system."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    rows = [['', 'loss', 'relative difference', 'cosine of the gradients']]
    for name in track_iter_progress(args.systems):
        cfg = config_of(TRAININGS[name], args)
        if name == 'RUAS':
            cfg.model.update(estimation=None, denoise='always')  # it learns by noise that each device draws itself
        batch = first_batch(cfg)
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        SearchSpace(model).relax()
        (ours, here), (theirs, there) = (gradient(model.to(device), batch) for device in ('cpu', args.device))
        cosine = nn.functional.cosine_similarity(here, there, dim=0)
        rows.append([name, f'{ours:.6g}', f'{abs(theirs / ours - 1):.1e}', f'{cosine:.7f}'])
    return rows


def gradient(model: nn.Module, batch: dict) -> tuple[float, Tensor]:
    """Return the loss of a batch and its gradient, in double precision on the CPU; statistics stay as they are."""
    model.eval().zero_grad()
    loss = model.parse_losses(model(**model.data_preprocessor(batch, False), mode='loss'))[0]
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten().double().cpu() for p in model.parameters() if p.grad is not None])


class Enough(Exception):
    """Ends a training in the middle of an epoch."""


class Clock(Hook):
    """Ends a training after so many seconds, and counts the steps in between."""

    priority = 'LOWEST'

    def __init__(self, seconds: float) -> None:
        self.seconds, self.steps, self.begin, self.end = seconds, 0, 0.0, 0.0

    def step(self) -> bool:
        """Count a step; return whether it is enough."""
        self.steps += 1
        if self.steps == WARM_UP:
            self.begin = now()
        self.end = now()
        return self.steps > WARM_UP and self.end - self.begin >= self.seconds

    def rate(self, images: int) -> float:
        """Return images a second."""
        return images * (self.steps - WARM_UP) / (self.end - self.begin)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        if self.step():
            raise Enough


def train(cfg: Config, mode: str, args: argparse.Namespace) -> tuple[float, int]:
    """Return images a second and the peak memory of a training or a search."""
    if mode == 'mixed':
        cfg.optim_wrapper.update(type=WRAPPERS[args.device])
        if args.device == 'cuda':
            cfg.optim_wrapper.dtype = 'bfloat16'
    cfg.compile = mode == 'compiled'
    name = 'max_epochs' if 'max_epochs' in cfg.train_cfg else 'max_iters'
    cfg.train_cfg[name] = 10**6  # enough: the clock ends it
    runner, clock = build_runner(cfg), Clock(args.seconds)
    runner.register_hook(clock)
    with suppress(Enough):
        runner.train()
    return clock.rate(cfg.train_dataloader.batch_size), memory.peak(torch.device(args.device))


@torch.inference_mode()
def infer(cfg: Config, mode: str, args: argparse.Namespace) -> tuple[float, int]:
    """Return images a second and the peak memory of inference on one batch again and again."""
    init_default_scope('mmfusenas')
    batch = first_batch(cfg, 'test')
    model = MODELS.build(cfg.model).to(args.device).eval()
    if mode == 'compiled':
        model.compile()
    clock = Clock(args.seconds)
    with torch.autocast(args.device, torch.bfloat16, enabled=mode == 'mixed'):
        while True:
            model.test_step(batch)
            if clock.step():
                return clock.rate(cfg.test_dataloader.batch_size), memory.peak(torch.device(args.device))


def measure(file: str, job: str, mode: str, args: argparse.Namespace) -> tuple[float, int] | str:
    """Return images a second and the peak memory of one job, or why it has none."""
    quality = Path(tempfile.mkdtemp(), 'quality.pth')  # what it says of an image makes no difference to the time
    torch.save(QualityClassifier().state_dict(), quality)
    os.environ['QUALITY'] = str(quality)
    cfg = config_of(file, args)
    if job == DETECTOR:
        cfg.model.scene = dict(type='FixedFusion', rule='visible')
    try:
        return (infer if job == 'inference' else train)(cfg, mode, args)
    except Exception as error:  # a system that cannot be compiled, say, is a result as well
        return f'{type(error).__name__}: {str(error).strip().splitlines()[0][:60]}'


def speed(args: argparse.Namespace) -> list[list]:
    """Return images a second, the ratio to the plain detector, and peak memory, a row a system and job."""
    jobs = [(DETECTOR, DETECTOR, TRAININGS['TIM']), *(
        (name, job, files[name]) for name in args.systems
        for job, files in (('training', TRAININGS), ('search', SEARCHES), ('inference', TRAININGS)))]
    rows = [['', '', *(f'{mode} (images/s, ratio, MB)' for mode in args.modes)]]
    for name, job, file in track_iter_progress(jobs):
        cells = []
        for mode in args.modes:
            with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
                found = pool.submit(measure, file, job, mode, args).result()
            if job == DETECTOR and mode == args.modes[0]:
                plain = found[0]
            cells.append(found if isinstance(found, str) else
                         f'{found[0]:.1f}, {found[0] / plain:.2f}, {found[1] / 1e6:.0f}')
        rows.append([name, '' if job == DETECTOR else job, *cells])
    return rows


def resume(args: argparse.Namespace) -> list[list]:
    """Return the largest difference between a search that was killed and one that was not."""
    folder = Path(tempfile.mkdtemp())
    options = ['randomness.deterministic=True', 'train_cfg.max_epochs=3', 'train_dataloader.dataset.length=4',
               'default_hooks.search.dataloader.dataset.length=4',
               'default_hooks.checkpoint.interval=1', 'val_cfg=None', 'val_dataloader=None', 'val_evaluator=None']
    command = [sys.executable, 'tools/train.py', f'configs/{SEARCHES["RUAS"]}', '--resume', '--cfg-options', *options]
    environment = dict(os.environ, CUBLAS_WORKSPACE_CONFIG=':4096:8')  # deterministic matrix products
    if args.device == 'cpu':
        environment['CUDA_VISIBLE_DEVICES'] = ''

    def start(name: str) -> subprocess.Popen:
        return subprocess.Popen([*command, '--work-dir', str(folder / name)], env=environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    killed = start('parts')
    while killed.poll() is None and latest_checkpoint(folder / 'parts') is None:
        time.sleep(0.2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    for name in ('parts', 'whole'):
        process = start(name)
        errors = process.communicate()[1]
        if process.returncode:
            sys.exit(f'error: the search failed:\n{errors[-2000:]}')
    whole, parts = (load_checkpoint(latest_checkpoint(folder / name))['state_dict'] for name in ('whole', 'parts'))
    largest = max(float((whole[name].double() - parts[name].double()).abs().max()) for name in whole)
    return [['killed and resumed', 'largest difference of weights and choices'], [SEARCHES['RUAS'], f'{largest:g}']]


PARTS = dict(agreement=agreement, speed=speed, resume=resume)


def main() -> None:
    args = parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        sys.exit('error: no GPU is to be seen (--device cpu runs the same on the processor)')
    init_default_scope('mmfusenas')
    where = torch.cuda.get_device_name() if args.device == 'cuda' else f'CPU, {torch.get_num_threads()} threads'
    found: dict[str, Sequence] = {}
    # Of the work dirs, those of the processes that are started among them.
    with (tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, TMPDIR=folder),
          patch('tempfile.tempdir', folder)):
        for part in args.parts:
            found[part] = PARTS[part](args)
            print('\n' + AsciiTable(found[part], f'{part}, {where}').table, flush=True)
    if args.json:
        write_text(args.json, json.dumps(dict(device=where, **found), indent=1) + '\n')


if __name__ == '__main__':
    run_tool(main)
