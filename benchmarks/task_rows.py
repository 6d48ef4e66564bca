"""What fusion and task guidance are worth: the rows of a table, each trained and tested with every seed.

All rows of a family of configs share task network, data and budget (TIM's tables 3, 4, 5 and 10), and are trained and
tested one after the other by `tools/train.py` and `tools/test.py`; where a row is a search, so is what it found. The
same command goes on where it was stopped. Figures are means over the seeds, with the standard deviation.

    python benchmarks/task_rows.py                    # detection, built-in scenes, the budget of the demo
    python benchmarks/task_rows.py --test-options test_dataloader.dataset.seed=9 test_dataloader.dataset.length=400
    python benchmarks/task_rows.py --configs 'configs/tim/retinanet_{}.py'    # the full budget
    MSRS_ROOT=data/msrs python benchmarks/task_rows.py --configs 'configs/tim/retinanet_{}-msrs.py'
    python benchmarks/task_rows.py --configs 'configs/tim/resnet18_{}.py'     # segmentation
    python benchmarks/task_rows.py --configs 'configs/tim/registration_{}.py' --rows none ivif
"""
import argparse
from pathlib import Path

from mmengine.utils import track_iter_progress
from runs import figure, test, train_found
from terminaltables import AsciiTable

ROWS = ['visible', 'infrared', 'average', 'direct', 'ivif']
# Of the many figures that mmdet and mmseg give, those of the papers' tables.
LEFT_OUT = ('mAP_75', 'mAP_s', 'mAP_m', 'mAP_l', 'mAP_copypaste', '_precision', 'time', 'data_time')


def main() -> None:
    args = parse_args()
    runs = [(row, seed) for row in args.rows for seed in args.seeds]
    metrics = {run: measure(args.configs.format(run[0]), args, run[1]) for run in track_iter_progress(runs)}
    every = dict.fromkeys(name for found in metrics.values() for name in found)  # not every row has all of them
    names = [name for name in every if args.classes or not name.endswith(LEFT_OUT)]
    rows = [[row, *(figure([metrics[row, seed][name] for seed in args.seeds if name in metrics[row, seed]])
                    for name in names)] for row in args.rows]
    names = [name.rpartition('/')[2] for name in names]
    print('\n' + AsciiTable([['', *names], *rows], f'{args.configs}, seeds {args.seeds}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--configs', default='configs/tim/retinanet_{}_demo.py', metavar='PATTERN',
                        help='path of the configs, {} in the place of the row (default: %(default)s)')
    parser.add_argument('--rows', nargs='+', default=ROWS, help=f'rows of the table (default: {" ".join(ROWS)})')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='seeds (default: 0 1 2)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/rows'),
                        help='where the trainings go, a folder a run (default: %(default)s)')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when training')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing, such as another seed of the scenes')
    parser.add_argument('--classes', action='store_true', help='every figure, those of single classes too')
    return parser.parse_args()


def measure(config: str, args: argparse.Namespace, seed: int) -> dict[str, float]:
    """Return the metrics of a config trained with a seed, of what was found where it is a search."""
    folder = args.work_dir / f'{Path(config).stem}-{seed}'
    config, checkpoint = train_found(config, folder, [f'randomness.seed={seed}', *args.train_options])
    return test(config, checkpoint, args.test_options)


if __name__ == '__main__':
    main()
