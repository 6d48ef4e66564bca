"""What a one-shot supernet's predictor learns by each loss, and what searches find: DCNAS, table IX, figs. 17 and 18.

With every seed a supernet is trained under a predictor that learns by rank. Of random paths of it one part is what
predictors learn from anew, by each loss and for the same number of passes; how they order the rest is Kendall's tau: of
all, and of paths that cost the same (within 5 %), where the number of parameters says nothing any more. Then guided
evolution, plain evolution and random search look for the best path below the limit: the score found, and curves over
the rounds in `curves.png` (means of the 50 best paths so far). `--losses rank l1 l2 none` also trains supernets under
predictors of the other losses and searches those (table IX). Figures are means over the seeds with the standard
deviation. The same command goes on where it was stopped. RECIPE and SCALE in the environment are those of the configs.

    RGBDD_ROOT=data/rgbdd MIDDLEBURY_ROOT=data/middlebury python benchmarks/one_shot.py
"""
import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from runs import figure, scalars, train
from scipy.stats import kendalltau
from terminaltables import AsciiTable
from torch import Tensor

import mmfusenas.datasets
import mmfusenas.models  # noqa: F401  registers GuidedSR
from mmfusenas.engine.path_scorer import PathScorer
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.predictor import LOSSES, PathPredictor, fit_predictor
from mmfusenas.nas.sampling import PathSampler, path_sampler
from mmfusenas.registry import DATASETS, MODELS
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint
from mmfusenas.utils.command_line import run_tool

STRATEGIES = ('guided', 'plain', 'random')
SLACK = 0.05  # of the cost, within which paths are of one size


def main() -> None:
    args = parse_args()
    init_default_scope('mmfusenas')
    taus, found, curves = defaultdict(list), defaultdict(list), defaultdict(list)
    for loss, seed in track_iter_progress([(loss, seed) for seed in args.seeds for loss in args.losses]):
        checkpoint = supernet(loss, seed, args)
        if loss == 'rank':
            for row, values in rankings(checkpoint, args).items():
                taus[row].append(values)
        for strategy in args.strategies if loss == 'rank' else ('plain' if loss == 'none' else 'guided', ):
            best, top = search(checkpoint, loss, strategy, seed, args)
            found[loss, strategy].append(best)
            if loss == 'rank':
                curves[strategy].append(top)
    rows = [[row, *map(figure, zip(*values))] for row, values in taus.items()]
    print('\n' + AsciiTable([['predictor', "Kendall's tau", 'of one size'], *rows],
                            f'{args.supernet}, {args.num_train_paths} paths learned, {args.paths} others ranked '
                            f'by {args.metric}, seeds {args.seeds}').table)
    rows = [[loss, strategy, figure(values, 5)] for (loss, strategy), values in found.items()]
    head = ['supernet', 'search', f'best {args.metric}']
    print(AsciiTable([head, *rows], f'{args.search}, seeds {args.seeds}').table)
    if curves:
        plot(curves, args.metric).savefig(args.work_dir / 'curves.png', dpi=120)
        print(f'figure: {args.work_dir}/curves.png')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--supernet', default='configs/dcnas/supernet.py', metavar='CONFIG',
                        help='config of the supernet (default: %(default)s)')
    parser.add_argument('--search', default='configs/dcnas/search.py', metavar='CONFIG',
                        help='config of the search (default: %(default)s)')
    parser.add_argument('--losses', nargs='+', default=['rank'], choices=[*LOSSES, 'none'],
                        help='supernets to train, by the loss of their predictor (default: rank)')
    parser.add_argument('--strategies', nargs='+', default=STRATEGIES, choices=STRATEGIES, help='default: all')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--num-train-paths', type=int, default=512,
                        help='paths that predictors learn from (default: 512)')
    parser.add_argument('--paths', type=int, default=200, help='others that they rank, of each kind (default: 200)')
    for name in ('supernet', 'search'):
        parser.add_argument(f'--{name}-options', nargs='+', default=[], metavar='KEY=VALUE',
                            help=f'values to override in the config of the {name}')
    parser.add_argument('--metric', default='rmse', help='what paths are scored by (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/one_shot'), help='default: %(default)s')
    return parser.parse_args()


def supernet(loss: str, seed: int, args: argparse.Namespace) -> Path:
    """Train the supernet; return its last checkpoint."""
    return train(args.supernet, args.work_dir / f'{loss}-{seed}', [
        f'default_hooks.sampling.loss={None if loss == "none" else loss}', f'randomness.seed={seed}',
        *args.supernet_options])


def rankings(checkpoint: Path, args: argparse.Namespace) -> dict[str, list[float]]:
    """Return Kendall's tau on random paths, and on paths of one size, of predictors by each loss, and of the cost."""
    file = checkpoint.parent / f'metrics-ranking-{args.num_train_paths}-{args.paths}-{args.metric}.json'
    if not file.is_file():
        config = Config.fromfile(checkpoint.parent / Path(args.supernet).name)
        hook = config.default_hooks.sampling
        model = MODELS.build(config.model)
        model.load_state_dict(extract_weights(load_checkpoint(checkpoint), checkpoint))
        sampler = path_sampler(SearchSpace(model), hook.get('table'), hook.get('cost', 'parameters'), hook.get('fixed'))
        scorer = PathScorer(model, DATASETS.build(hook.dataset), hook.get('batch_size', 16), args.metric)
        generator = torch.Generator().manual_seed(1)
        size = float(sampler.cost(sampler.sample(1000, generator)).median())
        parts = [sampler.sample(args.num_train_paths, generator), sampler.sample(args.paths, generator),
                 sampler.sample_between((1 - SLACK) * size, size, args.paths, generator)]
        tried, *others = [(paths, -scorer(sampler, paths)) for paths in parts]
        result = {loss: learned(sampler, tried, others, loss, size) for loss in LOSSES}
        result['cost alone'] = [tau(sampler.cost(paths), truth) for paths, truth in others]
        file.write_text(json.dumps(result))
    return json.loads(file.read_text())


def learned(sampler: PathSampler, tried: tuple[Tensor, Tensor], others: list[tuple[Tensor, Tensor]], loss: str,
            scale: float) -> list[float]:
    """Return how a predictor orders other paths, once it has learned from those that were tried."""
    torch.manual_seed(0)
    predictor = PathPredictor(sampler.sizes.tolist())
    paths, truth = tried
    fit_predictor(predictor, torch.optim.Adam(predictor.parameters(), lr=3e-3), (
        paths, sampler.active(paths), sampler.cost(paths) / scale, truth), loss)
    with torch.no_grad():
        return [tau(predictor(paths, sampler.active(paths), sampler.cost(paths) / scale), truth)
                for paths, truth in others]


def tau(scores: Tensor, truth: Tensor) -> float:
    return float(kendalltau(scores, truth).statistic)


def search(checkpoint: Path, loss: str, strategy: str, seed: int,
           args: argparse.Namespace) -> tuple[float, list[float]]:
    """Search the paths of a supernet; return the best score, and the mean of the best 50 after every round."""
    folder = args.work_dir / f'{loss}-{strategy}-search-{seed}'
    train(args.search, folder, [f'load_from={checkpoint}', f'train_cfg.strategy={strategy}',
                                f'train_cfg.metric={args.metric}', f'randomness.seed={seed}', *args.search_options])
    rounds = {line['step']: line for line in scalars(folder) if 'search_best' in line}
    return rounds[max(rounds)]['search_best'], [rounds[step]['search_top'] for step in sorted(rounds)]


def plot(curves: dict[str, list[list[float]]], by: str) -> Figure:
    """Draw the mean of the best 50 scores over the rounds, mean and range of the seeds (fig. 18).

    Supernets of different seeds score differently: all of a seed is divided by the worst first round of its searches.
    """
    begin = np.array([max(run[0] for run in runs) for runs in zip(*curves.values())])
    drawing = Figure(figsize=(6, 4), layout='constrained')
    axes = drawing.subplots()
    for strategy, runs in curves.items():
        values = np.array([run[:min(map(len, runs))] for run in runs]) / begin[:, None]
        rounds = np.arange(1, values.shape[1] + 1)
        line, = axes.plot(rounds, values.mean(0), label=strategy)
        axes.fill_between(rounds, values.min(0), values.max(0), alpha=0.15, color=line.get_color())
    axes.set(xlabel='round', ylabel=f'{by} of the best 50 paths so far,\nover that of the first round')
    axes.legend()
    return drawing


if __name__ == '__main__':
    run_tool(main)
