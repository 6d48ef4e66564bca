"""What lambda buys: searches with three weights of the expected latency, TIM's table 8.

Measures the latency table of the search space on this machine, searches with every lambda, trains and tests what was
found, and times it; then the predicted beside the measured latency, of the networks found and of random ones, and the
correlation of the two. The machine should have nothing else to do while it measures. The same command goes on where it
was stopped.

    ROADSCENE_ROOT=data/roadscene MSRS_ROOT=data/msrs HARVARD_ROOT=data/harvard python benchmarks/latency_tradeoff.py
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.utils import track_iter_progress
from networks import add_options, measure, pair_seconds, report
from runs import draw, tool, train
from terminaltables import AsciiTable

from mmfusenas.models.scene import TIMFusion
from mmfusenas.nas import Genotype
from mmfusenas.nas.cost_table import CostTable
from mmfusenas.utils.command_line import run_tool


def main() -> None:
    args = parse_args()
    table = args.work_dir / f'latency_{args.shape[0]}x{args.shape[1]}.json'
    if not table.is_file():
        args.work_dir.mkdir(parents=True, exist_ok=True)
        tool('analysis_tools/build_latency_table', args.search, '--out', str(table), '--shape', *map(str, args.shape))
    runs = [(weight, seed) for weight in args.weights for seed in args.seeds]
    found = {f'lambda {weight:g}, seed {seed}': search(weight, seed, table, args)
             for weight, seed in track_iter_progress(runs)}
    drawn = {f'random {seed}': draw(args.search, args.work_dir / f'random-{seed}', seed)
             for seed in range(args.num_random)}
    results = {name: measure(str(path), path.parent / 'train', args) for name, path in found.items()}
    report(results, args)
    latencies = {name: (CostTable.load(table).predict(Genotype.load(path))['latency_ms'], latency(path, args))
                 for name, path in track_iter_progress(list({**found, **drawn}.items()))}
    rows = [[name, *(f'{value:.0f}' for value in pair)] for name, pair in latencies.items()]
    print('\n' + AsciiTable([['', 'predicted (ms)', 'measured (ms)'], *rows]).table)
    predicted, measured = np.array(list(latencies.values())).T
    print(f'correlation {np.corrcoef(predicted, measured)[0, 1]:.3f}, '
          f'mean of measured over predicted {np.mean(measured / predicted):.2f}')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--search', default='configs/tim/fusion_search_demo.py', metavar='CONFIG',
                        help='config of the search (default: %(default)s)')
    parser.add_argument('--weights', nargs='+', type=float, default=[0.0, 0.5, 2.0], metavar='LAMBDA',
                        help='of the expected latency over that of uniform choices (default: 0 0.5 2)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--num-random', type=int, default=7, help='random networks to compare (default: %(default)s)')
    add_options(parser, Path('work_dirs/latency'))
    return parser.parse_args()


def search(weight: float, seed: int, table: Path, args: argparse.Namespace) -> Path:
    """Search with a weight of latency; return the genotype."""
    cost, folder = 'default_hooks.search.cost', args.work_dir / f'lambda-{weight:g}-{seed}'
    train(args.search, folder, [f'{cost}.table={table}', f'{cost}.weight={weight}', f'randomness.seed={seed}'])
    return folder / 'genotype.json'


def latency(genotype: Path, args: argparse.Namespace) -> float:
    """Return the time of a pair in milliseconds, of the network at the width of the search."""
    channels = Config.fromfile(args.search).model.get('channels', 48)
    return 1000 * pair_seconds(TIMFusion(genotype=str(genotype), channels=channels), args)


if __name__ == '__main__':
    run_tool(main)
