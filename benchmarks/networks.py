"""Fusion networks beside each other, of one operator each and as published: TIM's table 7, and the points of fig. 4.

A multi-scale and a successive cell of one operator, the outer structure of `tim-full`, for every operator of the
table; the published `tim-full` and `tim-light`; and any genotype given as NAME=FILE. Each is trained with the same
budget and tested; its time and size are those at the published width, 48 channels. Draws `quality.png` into the work
dir: MI against the time of a pair, the area of a circle the number of parameters. The same command goes on where it
was stopped.

    ROADSCENE_ROOT=data/roadscene MSRS_ROOT=data/msrs python benchmarks/networks.py [NAME=GENOTYPE.json ...]
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from matplotlib.figure import Figure
from mmengine.utils import track_iter_progress
from rows import TIM_SHORT
from runs import test, train
from terminaltables import AsciiTable
from timing import seconds

from mmfusenas.models.scene import TIMFusion
from mmfusenas.nas import Genotype
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.complexity import count_parameters

OPERATORS = ('dc_3', 'dc_5', 'rb_3', 'rb_5', 'db_3', 'db_5')
PUBLISHED = ('tim-full', 'tim-light')


def main() -> None:
    args = parse_args()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    genotypes = {operator: single_operator(operator, args.work_dir) for operator in OPERATORS}
    genotypes.update({name: name for name in PUBLISHED})
    genotypes.update(named(item) for item in args.genotypes)
    report({name: measure(genotype, args.work_dir / name, args)
            for name, genotype in track_iter_progress(list(genotypes.items()))}, args)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('genotypes', nargs='*', metavar='NAME=FILE', help='further networks')
    add_options(parser, Path('work_dirs/networks'))
    return parser.parse_args()


def named(item: str) -> tuple[str, str]:
    """Split NAME=FILE."""
    name, _, file = item.partition('=')
    if not Path(file).is_file():
        sys.exit(f'error: {item} is not NAME=FILE of a genotype that is there.')
    return name, file


def add_options(parser: argparse.ArgumentParser, work_dir: Path) -> None:
    """Add the options of training, testing and timing."""
    parser.add_argument('--train', default='configs/tim/fusion_light_real.py', metavar='CONFIG',
                        help='config that trains a network (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=work_dir, help='default: %(default)s')
    parser.add_argument('--train-options', nargs='+', default=TIM_SHORT, metavar='KEY=VALUE',
                        help=f'values to override in the config when training (default: {" ".join(TIM_SHORT)})')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing, such as another data_root')
    parser.add_argument('--shape', nargs=2, type=int, default=(448, 620), metavar=('H', 'W'),
                        help='height and width of the timed pair (default: 448 620)')
    parser.add_argument('--repeats', type=int, default=7, help='timed runs of a pair (default: %(default)s)')


def single_operator(operator: str, folder: Path) -> str:
    """Write the genotype of a network whose four operators are the same; return its path."""
    choices = {f'cells.{i}.{cell}.ops.{j}': operator
               for i, cell in enumerate(('multi_scale', 'successive')) for j in (0, 1)}
    types = {'cells.0.type': 'multi_scale', 'cells.1.type': 'successive'}
    path = folder / f'{operator}.json'
    Genotype(choices={**types, **choices}, space='TIMFusion').save(path)
    return str(path)


def measure(genotype: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Train, test and time a network; return its metrics, and the seconds and parameters at the published width."""
    checkpoint = train(args.train, folder, [f'model.genotype={genotype}', *args.train_options])
    metrics = test(args.train, checkpoint, args.test_options)
    published = TIMFusion(genotype=genotype)
    return {**metrics, 'seconds': pair_seconds(published, args), 'parameters': count_parameters(published)}


def pair_seconds(network: TIMFusion, args: argparse.Namespace) -> float:
    """Return the time of a pair."""
    return seconds(partial(network.eval().fuse, *torch.rand(2, 1, 1, *args.shape)), args.repeats)


def report(results: Mapping[str, Mapping[str, float]], args: argparse.Namespace) -> None:
    """Print the table and draw the figure."""
    metrics = [name for name in next(iter(results.values())) if name.startswith('fusion/')]
    rows = [[name, *(f'{result[metric]:.3f}' for metric in metrics), f'{result["parameters"]:,}',
             f'{result["seconds"]:.3f}'] for name, result in results.items()]
    head = ['', *(metric.rpartition('/')[2] for metric in metrics), 'parameters', 'seconds']
    print('\n' + AsciiTable([head, *rows], f'{args.train}, {torch.get_num_threads()} threads').table)
    drawing = Figure(figsize=(6, 4), layout='constrained')
    axes = drawing.subplots()
    for name, result in results.items():
        axes.scatter(result['seconds'], result['fusion/MI'], s=result['parameters'] / 100, alpha=0.5)
        axes.annotate(name, (result['seconds'], result['fusion/MI']))
    axes.set(xlabel='seconds a pair', ylabel='MI', xscale='log')
    drawing.savefig(args.work_dir / 'quality.png', dpi=120)
    print(f'figure: {args.work_dir}/quality.png')


if __name__ == '__main__':
    run_tool(main)
