"""Search strategies beside each other and beside random choice: TIM's table 6, fig. 10 and fig. 11.

Searches the fusion network with every strategy and every seed, each with the same data and number of steps, draws
random architectures of the same space, trains every network found with one and the same short budget and seed, and
tests it. The published `tim-light`, trained with every seed, shows what training alone spreads. Prints the means and
standard deviations over the searches, and draws into the work dir: `losses.png`, the loss of the supernet while it is
searched, and `scores.png`, a box and a cumulative curve a strategy over its networks. The same command goes on where
it was stopped, and divides its runs among processes that are started with it.

    ROADSCENE_ROOT=data/roadscene MSRS_ROOT=data/msrs HARVARD_ROOT=data/harvard python benchmarks/search_strategies.py
"""
import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rows import TIM_SHORT
from runs import draw, figure, scalars, shared, test, train
from terminaltables import AsciiTable

from mmfusenas.models.scene import TIMFusion
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.complexity import count_parameters
from mmfusenas.visualization.score_plots import plot_scores

STRATEGIES = {'ias': 'ImplicitGaussNewton', 'darts-1': 'FirstOrder', 'darts-2': 'Unrolled', 'random': None,
              'tim-light': None}

EVERY_STEP = ['default_hooks.logger.interval=1', 'log_processor.window_size=1']


def main() -> None:
    args = parse_args()
    runs = [(name, seed) for seed in args.seeds for name in args.strategies]
    found = defaultdict(list)
    for (name, _), scores in shared(runs, lambda run: score(*run, args)).items():
        found[name].append(scores)
    metrics = [name for name in found[args.strategies[0]][0] if name.startswith('fusion/')]
    rows = [[name, *(figure([run[metric] for run in found[name]]) for metric in [*metrics, 'parameters'])]
            for name in args.strategies]
    print('\n' + AsciiTable([['', *(metric.rpartition('/')[2] for metric in metrics), 'parameters (k)'], *rows],
                            f'{args.train}, {len(args.seeds)} searches').table)
    plot_scores({name: {metric.rpartition('/')[2]: [run[metric] for run in found[name]] for metric in metrics}
                 for name in args.strategies}).savefig(args.work_dir / 'scores.png', dpi=120)
    plot_losses({name: [losses(args.work_dir / f'{name}-{seed}/search') for seed in args.seeds]
                 for name in args.strategies if STRATEGIES[name]}, args.cycle).savefig(
        args.work_dir / 'losses.png', dpi=120)
    print(f'figures: {args.work_dir}/scores.png, {args.work_dir}/losses.png')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--search', default='configs/tim/fusion_search_demo.py', metavar='CONFIG',
                        help='config of the search (default: %(default)s)')
    parser.add_argument('--train', default='configs/tim/fusion_light_real.py', metavar='CONFIG',
                        help='config that trains what was found (default: %(default)s)')
    parser.add_argument('--strategies', nargs='+', default=list(STRATEGIES), choices=list(STRATEGIES),
                        help='default: all')
    parser.add_argument('--seeds', nargs='+', type=int, default=list(range(10)), help='default: 0 to 9')
    parser.add_argument('--cycle', type=int, default=76, metavar='STEPS',
                        help='steps that the drawn losses are means over: an epoch of each task (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/strategies'), help='default: %(default)s')
    parser.add_argument('--train-options', nargs='+', default=TIM_SHORT, metavar='KEY=VALUE',
                        help=f'values to override in the config when training (default: {" ".join(TIM_SHORT)})')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing, such as another data_root')
    return parser.parse_args()


def score(name: str, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Search or draw, train, test; return the metrics, and thousands of parameters at the published width."""
    folder = args.work_dir / f'{name}-{seed}'
    if STRATEGIES[name]:
        strategy = f'default_hooks.search.strategy.type={STRATEGIES[name]}'
        train(args.search, folder / 'search', [strategy, f'randomness.seed={seed}', *EVERY_STEP])
    elif name == 'random':
        draw(args.search, folder / 'search', seed)
    published = name == 'tim-light'
    genotype = name if published else str(folder / 'search/genotype.json')
    options = [f'model.genotype={genotype}', f'randomness.seed={seed if published else 0}', *args.train_options]
    checkpoint = train(args.train, folder / 'train', options)
    return dict(test(args.train, checkpoint, args.test_options),
                parameters=count_parameters(TIMFusion(genotype=genotype)) / 1000)


def losses(folder: Path) -> dict[int, float]:
    """Return the training loss of a search by iteration."""
    return {line['step']: line['loss'] for line in scalars(folder) if 'loss' in line}


def plot_losses(curves: dict[str, list[dict[int, float]]], cycle: int) -> Figure:
    """Draw the loss of every strategy, mean and range of the seeds, on a log scale (fig. 10 a).

    Every point is a mean over the last ``cycle`` steps, as many as it takes until each task has had its turn.
    """
    drawing = Figure(figsize=(6, 4), layout='constrained')
    axes = drawing.subplots()
    for name, runs in curves.items():
        steps = sorted(set.intersection(*(set(run) for run in runs)))
        window = np.full(cycle, 1 / cycle)
        values = np.array([np.convolve([run[step] for step in steps], window, 'valid') for run in runs])
        steps = steps[cycle - 1:]
        line, = axes.plot(steps, values.mean(0), label=name)
        axes.fill_between(steps, values.min(0), values.max(0), alpha=0.15, color=line.get_color())
    axes.set(xlabel='iteration', ylabel='loss of the supernet', yscale='log')
    axes.legend()
    return drawing


if __name__ == '__main__':
    run_tool(main)
