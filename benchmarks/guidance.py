"""What proxies of the guidance are worth: rows of one recipe, trained with every seed and tested by level of noise.

The rows are the values of GUIDANCE in the environment, and the levels those of TEST_NOISE, which the configs in
configs/hyperguidance read. All rows have one budget. The same command goes on where it was stopped. Figures are means
over the seeds, with the standard deviation. `true` is guided by the true map, which no proxy can surpass; `constant` by
one map for all images, which says nothing of them. Below each metric stands the difference from the first
row, `none`, paired over the images: mean over the seeds and images, with the standard error over the images.

    BSDS_ROOT=data/bsds python benchmarks/guidance.py --proxy-options default_hooks.proxies.optimizer.lr=1e-3
    python benchmarks/guidance.py configs/hyperguidance/deblur.py    # as published, on built-in scenes
    DATA=bsds BSDS_ROOT=data/bsds python benchmarks/guidance.py configs/hyperguidance/deblur.py
"""
import argparse
import json
import os
from pathlib import Path

import numpy as np
from mmengine.utils import track_iter_progress
from runs import figure, test_rule, train
from terminaltables import AsciiTable

from mmfusenas.utils.command_line import run_tool

ROWS = ['none', 'constant', 'true', 'end-to-end', 'joint', 'bilevel']
WITHOUT_PROXY = ROWS[:3]
SCORES = 'scores'
"""Name of the file with a test's scores of single images."""


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
        print_paired(args, trained, name.partition('/')[2])


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
    parser.add_argument('--map-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='the same in rows with a map, such as model.stage.scale=10')
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
    return [*args.train_options, *(args.proxy_options if row not in WITHOUT_PROXY else []),
            *(args.map_options if row != 'none' else [])]


def tested(args: argparse.Namespace, row: str, checkpoint: Path, noise: str) -> dict[str, float]:
    """Test a row with a level of noise; return its metrics, where they were not made before."""
    os.environ.update(GUIDANCE=row, TEST_NOISE=noise)
    # By the recipe: in the config that lies beside the checkpoint the noise is one of the training's.
    folder = checkpoint.parent / f'noise-{noise}'
    output = [f'test_evaluator.0.outfile_prefix={folder}/{SCORES}']
    return test_rule(args.config, folder, [*options_of(args, row), *output], args.test_options, str(checkpoint))


def print_paired(args: argparse.Namespace, trained: dict[tuple[str, int], Path], metric: str) -> None:
    """Print the differences from the first row, image by image, of a metric that is known of every image."""
    base, rows = args.rows[0], []
    for row in args.rows[1:]:
        cells = []
        for noise in args.noise:
            found = [[scores_of(trained[name, seed], noise, metric) for name in (row, base)] for seed in args.seeds]
            if not all(single for pair in found for single in pair):
                return  # not a metric of single images
            of_images = np.mean([[one[image] - two[image] for image in two] for one, two in found], 0)
            error = of_images.std(ddof=1) / len(of_images) ** 0.5 if len(of_images) > 1 else float('nan')
            cells.append(f'{of_images.mean():+.3f} +- {error:.3f}')
        rows.append([f'{row} - {base}', *cells])
    if rows:
        print(AsciiTable([[f'{metric}, {len(of_images)} images', *args.noise], *rows]).table)


def scores_of(checkpoint: Path, noise: str, metric: str) -> dict[str, float]:
    """Return a metric of every image of a test, empty where it was not written."""
    file = checkpoint.parent / f'noise-{noise}' / f'{SCORES}.json'
    scores = json.loads(file.read_text()) if file.is_file() else {}
    return {image: single[metric] for image, single in scores.items() if metric in single}


if __name__ == '__main__':
    run_tool(main)
