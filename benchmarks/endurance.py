"""Whether long runs stay as they are: memory, open files, threads and temporary files over thousands of steps.

`inference`: a bundled network on random pairs of sizes drawn anew each time, as a camera or a folder of mixed images
gives them. `training`: a config by the Runner that `tools/train.py` builds, workers, checkpoints and all. Each is
watched at even distances, in a process of its own; the first row is after the first step. Memory is the least and the
most after a step since the row before.

    OMP_NUM_THREADS=1 python benchmarks/endurance.py [--steps 2000] [--parts inference training] [--json FILE]
"""
import argparse
import json
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.progress import track
from runs import config_with
from terminaltables import AsciiTable

from mmfusenas.apis import FusionInferencer
from mmfusenas.core.files import write_text
from mmfusenas.utils import memory
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.launch import build_runner

COLUMNS = ('step', 'least memory (MB)', 'most memory (MB)', 'open files', 'threads', 'temporary files')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=2000, help='default: 2000')
    parser.add_argument('--rows', type=int, default=8, help='rows of each table after the first (default: 8)')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='default: both')
    parser.add_argument('--model', default='tim-light', help='bundled weights of the inference (default: %(default)s)')
    parser.add_argument('--largest', type=int, default=192, metavar='N', help='side of an image (default: 192)')
    parser.add_argument('--config', default='configs/tim/retinanet_ivif_search.py', help='default: %(default)s')
    parser.add_argument('--options', nargs='+', default=[], metavar='KEY=VALUE', help='values to override in it')
    parser.add_argument('--json', metavar='FILE', help='write the tables')
    return parser.parse_args()


class Watch(Hook):
    """Keeps a row of figures of this process after the first step and at even distances."""

    priority = 'LOWEST'

    def __init__(self, steps: int, rows: int) -> None:
        self.steps, self.every = steps, max(1, steps // rows)
        self.rows: list[list[int]] = []
        self.memory: list[int] = []

    def __call__(self, step: int) -> None:
        """Look at the process after step number ``step``, counted from 1."""
        self.memory.append(memory.used(torch.device('cpu')) // 10**6)
        if step == 1 or step % self.every == 0:
            temporary = sum(len(files) for _, _, files in os.walk(tempfile.gettempdir()))
            self.rows.append([step, min(self.memory), max(self.memory), len(os.listdir('/proc/self/fd')),
                              len(os.listdir('/proc/self/task')), temporary])
            self.memory.clear()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        self(runner.iter + 1)
        if runner.iter + 1 >= self.steps:
            runner.train_loop.stop_training = True


def infer(args: argparse.Namespace) -> list[list[int]]:
    """Return the rows of so many inferences."""
    watch, generator = Watch(args.steps, args.rows), np.random.default_rng(0)
    model = FusionInferencer(args.model, device='cpu')
    for step in track(range(1, args.steps + 1), 'inferences'):
        height, width = generator.integers(32, args.largest, 2, endpoint=True)
        image = generator.integers(0, 256, (height, width, 4), dtype=np.uint8)
        model(np.ascontiguousarray(image[..., :3]), np.ascontiguousarray(image[..., 3]))
        watch(step)
    return watch.rows


def train(args: argparse.Namespace) -> list[list[int]]:
    """Return the rows of so many iterations."""
    watch = Watch(args.steps, args.rows)
    cfg = config_with(args.config, args.options)
    cfg.update(launcher='none', work_dir=args.work_dir, log_level='ERROR')
    cfg.train_cfg.max_epochs = args.steps  # enough: the watch ends it
    runner = build_runner(cfg)
    runner.register_hook(watch)
    runner.train()
    return watch.rows


PARTS = dict(inference=infer, training=train)


def main() -> None:
    args = parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as args.work_dir:
        os.environ['TMPDIR'] = folder  # what the processes leave is counted there
        for part in args.parts:
            with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:  # it may have workers
                found[part] = pool.submit(PARTS[part], args).result()
            print(AsciiTable([COLUMNS, *found[part]], part).table, flush=True)
    if args.json:
        write_text(args.json, json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
    run_tool(main)
