"""How fast a new task is learned from meta-initialised weights: TIM's table 9 and fig. 12.

Meta-initialises the fusion network with every number K of inner steps over some tasks, then adapts it to another one
with few or many of its pairs, and looks at the loss and the VIF of the other task's test pairs on the way; beside it
no initialisation, and plain training on the same tasks with as many gradients as K = 4 takes. The tasks leave out the
one adapted to; with `+ivif` it is one of them, as in the paper, by its training pairs (DATA in the environment of the
config). Before each look the BatchNorm statistics are taken anew from the pairs adapted to, so that what is compared
are weights and not how far running means lag behind. Every seed is a meta-initialisation, a choice of pairs and an
order of its own. Prints both figures and draws `adaptation.png` into the work dir. A meta-initialisation that is done
is not done again.

    ROADSCENE_ROOT=data/roadscene MSRS_ROOT=data/msrs HARVARD_ROOT=data/harvard python benchmarks/meta_init.py
"""
import argparse
import copy
import os
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from rows import plain_training
from runs import figure, train
from terminaltables import AsciiTable
from torch.utils.data import Dataset

from mmfusenas.apis.loading import build_model
from mmfusenas.datasets.resumable_dataloader import BatchStream, build_resumable_dataloader
from mmfusenas.evaluation.suite import compute_scores
from mmfusenas.models.scene.base_scene import luma
from mmfusenas.registry import DATASETS
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.random_state import seeded

Curve = Mapping[int, tuple[float, float]]

STARTS = ['none', 'joint', '2', '4', '6', '8', '10', 'joint+ivif', '4+ivif']


def main() -> None:
    args = parse_args()
    init_default_scope('mmfusenas')
    MMLogger.get_instance('meta_init', log_level='ERROR')  # weights are initialised silently
    runs = [(start, pairs, seed) for start in args.starts for seed in args.seeds for pairs in args.pairs]
    curves = {run: adapt(weights(run[0], run[2], args), *run[1:], args) for run in track_iter_progress(runs)}
    rows = []
    for start in args.starts:
        for pairs in args.pairs:
            ends = [[curves[start, pairs, seed][n] for seed in args.seeds] for n in args.steps]
            losses = [figure([loss for loss, _ in end]) for end in ends]
            rows.append([label(start), pairs, *losses, figure([vif for _, vif in ends[-1]])])
    head = ['initialisation', 'pairs', *(f'loss after {n}' for n in args.steps), f'VIF after {args.steps[-1]}']
    print('\n' + AsciiTable([head, *rows], f'{args.adapt}, seeds {args.seeds}').table)
    draw(curves, args).savefig(args.work_dir / 'adaptation.png', dpi=120)
    print(f'figure: {args.work_dir}/adaptation.png')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--meta', default='configs/tim/meta_init.py', metavar='CONFIG',
                        help='config of the initialisation, whose tasks DATA names (default: %(default)s)')
    parser.add_argument('--adapt', default='configs/tim/fusion_light_real.py', metavar='CONFIG',
                        help='config of the new task, for its model and data (default: %(default)s)')
    parser.add_argument('--channels', type=int, default=16, help='width of the network (default: %(default)s)')
    parser.add_argument('--iterations', type=int, default=100,
                        help='iterations of a meta-initialisation, at ten times its rate (default: %(default)s)')
    parser.add_argument('--starts', nargs='+', type=known_start, default=STARTS,
                        help=f'"none", "joint", K, "joint+ivif" or K+ivif (default: {" ".join(STARTS)})')
    parser.add_argument('--pairs', nargs='+', type=int, default=[32, 128], help='training pairs (default: 32 128)')
    parser.add_argument('--steps', nargs='+', type=int, default=[0, 5, 10, 20, 50, 100, 200], metavar='N',
                        help='steps after which to look (default: 0 5 10 20 50 100 200)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--test-pairs', type=int, default=8, help='test pairs to look at (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/meta_init'), help='default: %(default)s')
    return parser.parse_args()


def known_start(text: str) -> str:
    """Return an argument of ``--starts``, or say what it may be."""
    if not re.fullmatch(r'none|(joint|[1-9]\d*)(\+ivif)?', text):
        raise argparse.ArgumentTypeError(f'got {text!r}; give none, joint, K, joint+ivif or K+ivif, K being 1 or more')
    return text


def label(start: str) -> str:
    """Return what a start is called."""
    return f'K = {start}' if start[0].isdigit() else start


def weights(start: str, seed: int, args: argparse.Namespace) -> Path | None:
    """Return the checkpoint to start from."""
    kind, _, ivif = start.partition('+')
    if kind == 'none':
        return None
    os.environ['DATA'] = 'real_fusion_tasks' if ivif else 'medical_fusion_tasks'  # which the config reads
    if kind == 'joint':
        # Of every task a gradient for each of four steps, and one for the step outside.
        how = plain_training(args.iterations * len(Config.fromfile(args.meta).train_dataloader.dataset.datasets) * 5)
    else:
        how = [f'train_cfg.steps={kind}', f'train_cfg.max_iters={args.iterations}', 'optim_wrapper.optimizer.lr=1e-3']
    return train(args.meta, args.work_dir / f'{start}-{seed}', [
        f'model.channels={args.channels}', *how, f'randomness.seed={seed}'])


def adapt(start: Path | None, pairs: int, seed: int, args: argparse.Namespace) -> Curve:
    """Train on so many pairs of the new task, by Adam; return loss and VIF of its test pairs by number of steps."""
    cfg = Config.fromfile(args.adapt)
    cfg.model.channels = args.channels
    with seeded(seed, 0, 0):
        model = build_model(cfg.model, args.adapt)
        model.init_weights()
    if start:
        model.load_state_dict(load_checkpoint(start)['state_dict'])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    dataset = dict(cfg.train_dataloader.dataset.datasets[0])
    whole = len(DATASETS.build(dataset))
    dataset['indices'] = np.random.default_rng(seed).permutation(whole)[:pairs].tolist()
    batches = BatchStream(build_resumable_dataloader(dict(cfg.train_dataloader, dataset=dataset), seed, endless=True))
    test_set = DATASETS.build(dict(cfg.test_dataloader.dataset, indices=args.test_pairs))
    curve = {}
    for step in range(args.steps[-1] + 1):
        if step in args.steps:
            curve[step] = look(with_fresh_statistics(model, dataset, cfg), test_set)
        model.train()
        data = model.data_preprocessor(next(batches), True)
        optimizer.zero_grad()
        model.parse_losses(model(**data, mode='loss'))[0].backward()
        optimizer.step()
    return curve


@torch.no_grad()
def with_fresh_statistics(model: BaseModel, dataset: dict, cfg: Config) -> BaseModel:
    """Return a copy whose BatchNorm statistics are the means over eight batches, the same at every step."""
    model = copy.deepcopy(model).train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean of all batches
    batches = BatchStream(build_resumable_dataloader(dict(cfg.train_dataloader, dataset=dataset), 0, endless=True))
    for _ in range(8):
        model.images(model.data_preprocessor(next(batches))['inputs'])
    return model


@torch.inference_mode()
def look(model: BaseModel, test_set: Dataset) -> tuple[float, float]:
    """Return the mean loss and the mean VIF of the pairs of a set."""
    model.eval()
    losses, vifs = [], []
    for i in range(len(test_set)):
        inputs = model.data_preprocessor(pseudo_collate([test_set[i]]))['inputs']
        images = model.images(inputs)
        losses.append(float(sum(model.losses(images, inputs).values())))
        greys = (255 * image.clamp(0, 1) for image in (
            luma(images['image']), luma(inputs['visible']), inputs['infrared']))
        vifs.append(float(compute_scores(['VIF'], *greys)['VIF']))
    return mean(losses), mean(vifs)


def draw(curves: Mapping[tuple[str, int, int], Curve], args: argparse.Namespace) -> Figure:
    """Draw loss and VIF over the steps of adaptation, the mean of the seeds."""
    drawing = Figure(figsize=(10, 4), layout='constrained')
    for axes, place, name in zip(drawing.subplots(1, 2), (0, 1), ('loss', 'VIF')):
        for i, start in enumerate(args.starts):
            for pairs, dashes in zip(args.pairs, ('-', '--', ':', '-.')):
                values = [mean(curves[start, pairs, seed][n][place] for seed in args.seeds) for n in args.steps]
                axes.plot(args.steps, values, dashes, color=f'C{i}', label=f'{label(start)}, {pairs} pairs')
        axes.set(xlabel='steps on the new task', ylabel=f'{name} of its test pairs')
        axes.set_xscale('symlog', linthresh=5)
    axes.legend(fontsize='small')
    return drawing


if __name__ == '__main__':
    run_tool(main)
