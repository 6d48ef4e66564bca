"""Several configs, settings and seeds in one go, and one table of what their tests give.

Every config is trained with every combination of the values of --grid and with every seed, and tested. Where it
searches, the values are those of the search; what was found is trained as the search's `retrain.py` says, with the same
seed, and tested. The table has a row a combination: mean and standard deviation over the seeds, and in the last column
the metric of each seed that is asked for.

    python benchmarks/sweep.py configs/tim/retinanet_ivif.py configs/tim/ssd_ivif.py --seeds 0 1 2
    python benchmarks/sweep.py configs/tim/retinanet_ivif_demo.py --grid optim_wrapper.optimizer.lr 5e-3 1e-2 \
        --grid model.scene.genotype tim-light tim-full --metric coco/bbox_mAP_50

What is done is not done again, and a training that was broken off is resumed. Started several times with the same
arguments and work dir, on one machine or on several with a common file system, it divides the trainings among its
processes; each ends when all are done, with the same table. A training or test that fails is `failed` in the table,
which the others complete; what it said stands below, and the exit status is 1. A later start tries it again. With
Slurm:

    sbatch --array=0-7 --gpus 1 --wrap 'python benchmarks/sweep.py CONFIG --seeds 0 1 2 3 4 5 6 7'
"""
import argparse
import re
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from runs import FailedRun, figure, shared, test, train_found
from terminaltables import AsciiTable

from mmfusenas.core.errors import InputError
from mmfusenas.utils.command_line import run_tool


class Row(NamedTuple):
    """A config, and the values of the grid, as ``KEY=VALUE``."""

    config: str
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in the table."""
        return ' '.join([Path(self.config).stem, *self.options])


def main() -> None:
    args = parse_args()
    rows = grid_rows(args.configs, args.grid)
    scores = shared([(row, seed) for row in rows for seed in args.seeds], lambda run: score(*run, args))
    print('\n' + AsciiTable(table(rows, scores, args), f'seeds {", ".join(map(str, args.seeds))}').table)
    failed = [f'{row.name}, seed {seed}:\n{said}' for (row, seed), said in scores.items() if isinstance(said, str)]
    if failed:
        last = f'error: {len(failed)} of {len(scores)} failed. Remove the cause; the same command tries them again.'
        sys.exit('\n\n'.join([*failed, last]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='configs to train')
    parser.add_argument('--grid', nargs='+', action='append', default=[], metavar=('KEY', 'VALUE'),
                        help='a key of the config and the values to try; given twice, every combination. A negative '
                             'value with digits alone: -0.001, not -1e-3')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--metric', help='metric whose seeds are shown one by one (default: the first)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/sweep'), help='default: %(default)s')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in every config, as those of --grid')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in every test')
    args = parser.parse_args()
    args.seeds = list(dict.fromkeys(args.seeds))
    for axis in args.grid:
        if len(axis) < 2:
            parser.error(f'--grid {axis[0]} has no values: give a key and the values to try')
    return args


def grid_rows(configs: Sequence[str], grid: Sequence[Sequence[str]]) -> list[Row]:
    """Return every config with every combination of the grid's values.

    Raises:
        InputError: If two would have one folder.
    """
    axes = [[f'{key}={value}' for value in values] for key, *values in grid]
    rows = [Row(config, options) for config in configs for options in product(*axes)]
    folders = [folder_of(row) for row in rows]
    twice = [row for row in rows if folders.count(folder_of(row)) > 1]
    if twice:
        raise InputError(f'{twice[0].config} {" ".join(twice[0].options)} and {twice[1].config} '
                         f'{" ".join(twice[1].options)} would share a folder: give every config and value once, and '
                         'configs of one name by sweeps with another --work-dir.')
    return rows


def folder_of(row: Row) -> str:
    """Return the name of a row's folder, of what a file system takes everywhere."""
    return re.sub(r'[^\w.=+-]+', '_', '-'.join([Path(row.config).stem, *row.options]))


def score(row: Row, seed: int, args: argparse.Namespace) -> dict[str, float] | str:
    """Train with a seed, test; return the metrics, or what a tool said that failed."""
    seeded = [f'randomness.seed={seed}']
    try:
        config, checkpoint = train_found(row.config, args.work_dir / folder_of(row) / f'seed-{seed}',
                                         [*seeded, *row.options, *args.train_options], seeded)
        return test(config, checkpoint, args.test_options)
    except FailedRun as failed:
        return str(failed)


def table(rows: Sequence[Row], scores: dict[tuple[Row, int], dict[str, float] | str],
          args: argparse.Namespace) -> list[list[str]]:
    """Return head and lines of the table.

    Raises:
        InputError: If no test gives the metric that is asked for.
    """
    tested = [run for run in scores.values() if not isinstance(run, str)]
    names = list(dict.fromkeys(name for run in tested for name in run))
    metric = args.metric or next(iter(names), 'metric')
    if tested and metric not in names:
        raise InputError(f'--metric {metric}: the tests give {", ".join(names)}.')
    lines = []
    for row in rows:
        runs = [scores[row, seed] for seed in args.seeds]
        done = [run for run in runs if not isinstance(run, str)]
        means = [figure([run[name] for run in done if name in run], 4) for name in names]
        lines.append([row.name, *means, ', '.join(
            'failed' if isinstance(run, str) else f'{run[metric]:.4f}' for run in runs
            if isinstance(run, str) or metric in run)])
    return [['', *names, f'{metric} of the seeds'], *lines]


if __name__ == '__main__':
    run_tool(main)
