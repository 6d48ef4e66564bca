"""What proxies of the guidance are worth: rows of one recipe, trained with every seed and tested by level of noise.

The rows are the values of GUIDANCE in the environment, and the levels those of TEST_NOISE, which the configs in
configs/hyperguidance read. All rows have one budget. The same command goes on where it was stopped. Figures are means
over the seeds, with the standard deviation.

    BSDS_ROOT=data/bsds python benchmarks/guidance.py --proxy-options default_hooks.proxies.optimizer.lr=1e-3
    python benchmarks/guidance.py configs/hyperguidance/deblur.py    # as published, on built-in scenes
    DATA=bsds BSDS_ROOT=data/bsds python benchmarks/guidance.py configs/hyperguidance/deblur.py
"""
import argparse
import os
from pathlib import Path

from mmengine.utils import track_iter_progress
from runs import figure, test_rule, train
from terminaltables import AsciiTable

from mmfusenas.utils.command_line import run_tool

ROWS = ['none', 'end-to-end', 'joint', 'bilevel']


def main() -> None:
    args = parse_args()
    runs = [(row, seed) for row in args.rows for seed in args.seeds]
    trained = {run: train_row(args, *run) for run in track_iter_progress(runs)}
    tests = {(*run, noise): tested(args, run[0], checkpoint, noise)
             for run, checkpoint in trained.items() for noise in args.noise}
    print(f'\n{args.config}, seeds {args.seeds}, by level of noise')
    for name in dict.fromkeys(name for found in tests.values() for name in found):
        rows = [[row, *(figure([tests[row, seed, noise][name] for seed in args.seeds
                                if name in tests[row, seed, noise]]) for noise in args.noise)] for row in args.rows]
        print(AsciiTable([[name, *args.noise], *rows]).table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default='configs/hyperguidance/deblur_small.py',
                        help='config that reads GUIDANCE and TEST_NOISE (default: %(default)s)')
    parser.add_argument('--rows', nargs='+', choices=ROWS, default=ROWS, metavar='ROW',
                        help=f'rows of the table (default: {" ".join(ROWS)})')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--noise', nargs='+', default=['0.01,0.05', '0.01', '0.02', '0.03', '0.04', '0.05'],
                        help='levels of the tests, LOW,HIGH to draw between (default: 1 to 5 %%, and each of them)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/guidance'),
                        help='where the trainings go, a folder a run (default: %(default)s)')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when training')
    parser.add_argument('--proxy-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='the same in rows with proxies alone')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing')
    return parser.parse_args()


def train_row(args: argparse.Namespace, row: str, seed: int) -> Path:
    """Train a row with a seed; return the checkpoint."""
    os.environ['GUIDANCE'] = row  # which the config reads
    data = filter(None, [os.environ.get('DATA')])
    folder = args.work_dir / '-'.join([Path(args.config).stem, *data, row, str(seed)])
    return train(args.config, folder, [f'randomness.seed={seed}', *options_of(args, row)])


def options_of(args: argparse.Namespace, row: str) -> list[str]:
    """Return what the config of a row has otherwise."""
    return [*args.train_options, *(args.proxy_options if row != 'none' else [])]


def tested(args: argparse.Namespace, row: str, checkpoint: Path, noise: str) -> dict[str, float]:
    """Test a row with a level of noise; return its metrics, where they were not made before."""
    os.environ.update(GUIDANCE=row, TEST_NOISE=noise)
    # By the recipe: in the config that lies beside the checkpoint the noise is one of the training's.
    return test_rule(args.config, checkpoint.parent / f'noise-{noise}', options_of(args, row), args.test_options,
                     str(checkpoint))


if __name__ == '__main__':
    run_tool(main)
