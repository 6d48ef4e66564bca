"""What a one-shot supernet's predictor learns by each loss, and what searches find: DCNAS, table IX, figs. 17 and 18.

Trains the supernet with every loss of the predictor (and without one) and every seed. All predictors rank the same
random paths, which their supernet then scores: Kendall's tau. Without a predictor there is nothing to rank; its row is
the mean score of those paths, which a supernet trained otherwise has as well. In the supernets trained by rank, guided
evolution, plain evolution and random search look for the best path below the limit: mean and standard deviation of the
score found, and their curves over the rounds in `curves.png`. The same command goes on where it was stopped.

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
from runs import figure, train
from scipy.stats import kendalltau
from terminaltables import AsciiTable

import mmfusenas.datasets
import mmfusenas.models  # noqa: F401  registers GuidedSR
from mmfusenas.engine.hooks.path_sampling_hook import STATE_KEY, path_sampler
from mmfusenas.engine.path_scorer import PathScorer
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.predictor import PathPredictor
from mmfusenas.registry import DATASETS, MODELS
from mmfusenas.utils.checkpoint import load_checkpoint, weights_of

LOSSES = {'rank': 'rank', 'l1': 'l1', 'l2': 'l2', 'none': None}
STRATEGIES = ('guided', 'plain', 'random')


def main() -> None:
    args = parse_args()
    init_default_scope('mmfusenas')
    runs = [(loss, seed) for seed in args.seeds for loss in args.losses]
    ranked, found, curves = defaultdict(list), defaultdict(list), defaultdict(list)
    for loss, seed in track_iter_progress(runs):
        checkpoint = supernet(loss, seed, args)
        ranked[loss].append(ranking(checkpoint, args))
        for strategy in args.strategies if loss == 'rank' else ():
            curve = search(checkpoint, strategy, seed, args)
            found[strategy].append(curve[-1])
            curves[strategy].append(curve)
    rows = [[loss, figure([tau for tau, _ in values if tau is not None]), scores(values)]
            for loss, values in ranked.items()]
    print('\n' + AsciiTable([['predictor', "Kendall's tau", f'mean {args.by} of the paths'], *rows],
                            f'{args.supernet}, {args.paths} random paths, seeds {args.seeds}').table)
    rows = [[strategy, f'{np.mean(values):.5f} +- {np.std(values, ddof=len(values) > 1):.5f}']
            for strategy, values in found.items()]
    print(AsciiTable([['search', f'best {args.by}'], *rows], f'{args.search}, seeds {args.seeds}').table)
    if curves:
        plot(curves, args.by).savefig(args.work_dir / 'curves.png', dpi=120)
        print(f'figure: {args.work_dir}/curves.png')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--supernet', default='configs/dcnas/depth_supernet_demo.py', metavar='CONFIG',
                        help='config of the supernet (default: %(default)s)')
    parser.add_argument('--search', default='configs/dcnas/depth_search_demo.py', metavar='CONFIG',
                        help='config of the search (default: %(default)s)')
    parser.add_argument('--losses', nargs='+', default=list(LOSSES), choices=list(LOSSES), help='default: all')
    parser.add_argument('--strategies', nargs='+', default=STRATEGIES, choices=STRATEGIES, help='default: all')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--paths', type=int, default=200, help='random paths to rank (default: %(default)s)')
    for name in ('supernet', 'search'):
        parser.add_argument(f'--{name}-options', nargs='+', default=[], metavar='KEY=VALUE',
                            help=f'values to override in the config of the {name}')
    parser.add_argument('--by', default='rmse', help='what paths are scored by (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/one_shot'), help='default: %(default)s')
    return parser.parse_args()


def sampling_hook(config: str) -> int:
    """Return the place of the hook that samples paths."""
    return [hook['type'] for hook in Config.fromfile(config).custom_hooks].index('PathSamplingHook')


def supernet(loss: str, seed: int, args: argparse.Namespace) -> Path:
    """Train the supernet; return its last checkpoint."""
    place = f'custom_hooks.{sampling_hook(args.supernet)}.loss={LOSSES[loss]}'
    return train(args.supernet, args.work_dir / f'{loss}-{seed}', [place, f'randomness.seed={seed}',
                                                                       *args.supernet_options])


@torch.no_grad()
def ranking(checkpoint: Path, args: argparse.Namespace) -> tuple[float | None, float]:
    """Return Kendall's tau of the predictor on random paths, None without one, and the mean score of the paths."""
    file = checkpoint.parent / f'metrics-ranking-{args.paths}-{args.by}.json'
    if not file.is_file():
        content, config = load_checkpoint(checkpoint), Config.fromfile(checkpoint.parent / Path(args.supernet).name)
        model = MODELS.build(config.model)
        model.load_state_dict(weights_of(content))
        hook, state = config.custom_hooks[sampling_hook(args.supernet)], content[STATE_KEY]
        sampler = path_sampler(SearchSpace(model), hook.get('table'), state['cost'], hook.get('fixed'))
        paths = sampler.sample(args.paths, torch.Generator().manual_seed(1))
        truth = PathScorer(model, DATASETS.build(hook.dataset), hook.get('batch_size', 16), args.by)(sampler, paths)
        tau = None
        if state['loss'] is not None:
            predictor = PathPredictor(sampler.sizes.tolist())
            predictor.load_state_dict(state['predictor'])
            scores = predictor(paths, sampler.active(paths), sampler.cost(paths) / state['scale'])
            tau = float(kendalltau(scores, -truth).statistic)
        file.write_text(json.dumps([tau, float(truth.mean())]))
    return tuple(json.loads(file.read_text()))


def search(checkpoint: Path, strategy: str, seed: int, args: argparse.Namespace) -> list[float]:
    """Search the paths of a supernet; return the best score after every round."""
    folder = args.work_dir / f'{strategy}-search-{seed}'
    train(args.search, folder, [f'load_from={checkpoint}', f'train_cfg.strategy={strategy}', f'train_cfg.by={args.by}',
                                f'randomness.seed={seed}', *args.search_options])
    lines = [json.loads(line) for file in sorted(folder.glob('*/vis_data/scalars.json'))
             for line in file.read_text().splitlines()]
    best = {line['step']: line['search_best'] for line in lines if 'search_best' in line}
    return [best[step] for step in sorted(best)]


def scores(values: list[tuple[float | None, float]]) -> str:
    """Return mean and deviation of the paths' scores."""
    means = [mean for _, mean in values]
    return f'{np.mean(means):.5f} +- {np.std(means, ddof=len(means) > 1):.5f}'


def plot(curves: dict[str, list[list[float]]], by: str) -> Figure:
    """Draw the best score over the rounds, mean and range of the seeds (fig. 18)."""
    drawing = Figure(figsize=(6, 4), layout='constrained')
    axes = drawing.subplots()
    for strategy, runs in curves.items():
        values = np.array([run[:min(map(len, runs))] for run in runs])
        rounds = np.arange(1, values.shape[1] + 1)
        line, = axes.plot(rounds, values.mean(0), label=strategy)
        axes.fill_between(rounds, values.min(0), values.max(0), alpha=0.15, color=line.get_color())
    axes.set(xlabel='round', ylabel=f'best {by} so far')
    axes.legend()
    return drawing


if __name__ == '__main__':
    main()
