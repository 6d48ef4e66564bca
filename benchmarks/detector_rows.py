"""What a detector gains from fusion and from task guidance: the rows of a table, each trained with every seed.

All rows of a family of configs share detector, data and budget, and are trained and tested one after the other by
`tools/train.py` and `tools/test.py`. A row that is done is not done again, and one that was broken off is resumed, so
the same command goes on where it was stopped. Figures are means over the seeds, with the standard deviation.

    python benchmarks/detector_rows.py                    # built-in scenes, the budget of the demo
    python benchmarks/detector_rows.py --test-options test_dataloader.dataset.seed=9 test_dataloader.dataset.length=400
    python benchmarks/detector_rows.py --configs 'configs/tim/retinanet_{}.py'    # the full budget
    MSRS_ROOT=data/msrs python benchmarks/detector_rows.py --configs 'configs/tim/retinanet_{}-msrs.py' --seeds 0
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev

from mmengine.utils import track_iter_progress
from terminaltables import AsciiTable

ROWS = ['visible', 'infrared', 'average', 'direct', 'ivif']


def main() -> None:
    args = parse_args()
    runs = [(row, seed) for row in args.rows for seed in args.seeds]
    metrics = {run: train_and_test(args.configs.format(run[0]), args.work_dir, run[1], args.test_options)
               for run in track_iter_progress(runs)}
    names = list(next(iter(metrics.values())))
    rows = [[row, *(figure([metrics[row, seed][name] for seed in args.seeds]) for name in names)] for row in args.rows]
    print('\n' + AsciiTable([['', *names], *rows], f'{args.configs}, seeds {args.seeds}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--configs', default='configs/tim/retinanet_{}_demo.py', metavar='PATTERN',
                        help='path of the configs, {} in the place of the row (default: %(default)s)')
    parser.add_argument('--rows', nargs='+', default=ROWS, help=f'rows of the table (default: {" ".join(ROWS)})')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='seeds (default: 0 1 2)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/rows'),
                        help='where the trainings go, a folder a run (default: %(default)s)')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing, such as another seed of the scenes')
    return parser.parse_args()


def train_and_test(config: str, work_dir: Path, seed: int, test_options: list[str]) -> dict[str, float]:
    """Train and test a config with a seed, unless that is done; return its metrics."""
    folder = work_dir / f'{Path(config).stem}-{seed}'
    file = folder / f'{"-".join(["metrics", *test_options]).replace("/", "_")}.json'
    if not file.is_file():
        common = ['--work-dir', str(folder), '--cfg-options']
        if not any(folder.glob('metrics*.json')):  # else it has been trained, and tested with other options
            tool('train', config, '--resume', *common, f'randomness.seed={seed}')
        checkpoint = folder / Path((folder / 'last_checkpoint').read_text().strip()).name
        tool('test', config, str(checkpoint), '--out', str(file), *common, 'default_hooks.visualization.draw=False',
             *test_options)
    found = json.loads(file.read_text())
    names = [name for name in found if name.endswith(('bbox_mAP', 'bbox_mAP_50', '_precision'))]
    return {name.removeprefix('coco/'): found[name] for name in names}


def tool(name: str, *arguments: str) -> None:
    """Run a tool; where it fails, end with the last lines of its output."""
    done = subprocess.run([sys.executable, f'tools/{name}.py', *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit('\n'.join([*done.stdout.splitlines()[-15:], f'error: {name}.py {" ".join(arguments)} failed']))


def figure(values: list[float]) -> str:
    """Return mean and standard deviation."""
    return f'{mean(values):.3f}' + (f' +- {stdev(values):.3f}' if len(values) > 1 else '')


if __name__ == '__main__':
    main()
