"""Rows of a table by cross-validation: each trained on all folds but one, tested on that one, scored on all images.

Every image is tested on once, and the predictions of all folds are scored together, by classes, heights of people, day
and night; mean and standard deviation over the folds stand beside. The further metrics of the config's test, of the
image that the task saw, are means over all images, or objects. Rows are parameters of one config: what the task sees.
The config makes the folds, by FOLD=K/N in the environment (docs/en/datasets.md); one fold is the data's own split. With
several seeds, figures are their mean and standard deviation. The same command goes on where it was stopped. In TIM's
table 4 one detector, trained on averages, sees what others fuse; TIM's row has its own.

    MSRS_ROOT=data/msrs python benchmarks/cross_validation.py
    MSRS_ROOT=data/msrs python benchmarks/cross_validation.py --task-from average    # one detector for all rows
    MSRS_ROOT=data/msrs python benchmarks/cross_validation.py configs/tim/efficientnet_ivif-msrs.py --folds 1 \
        --seeds 0 1 2    # segmentation, trained on the folder `train` and tested on `test`
    MSRS_ROOT=data/msrs python benchmarks/cross_validation.py configs/tim/efficientnet_ivif-msrs_search.py --rows ivif
    ... --train-options optim_wrapper.type=CPUAmpOptimWrapper    # bfloat16, where the processor has it
"""
import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.utils import track_iter_progress
from pooled import Image, grouped, images_of, scores
from runs import figure, hook_place, test, train_found
from terminaltables import AsciiTable

from mmfusenas.nas.files import written_beside

ROWS = ['visible', 'infrared', 'average', 'direct', 'ivif']
OF_THE_IMAGE = ('cddfuse/', 'fusion/', 'people by')
"""Prefixes of the metrics of the image that the task saw."""


def main() -> None:
    args = parse_args()
    needed = dict.fromkeys([*args.rows, *([args.task_from] if args.task_from else [])])
    runs = [(row, fold, seed) for seed in args.seeds for fold in range(args.folds) for row in needed]
    trained = {run: train_row(args, *run) for run in track_iter_progress(runs)}
    columns = {row: row_scores([[tested(args, (row, fold, seed), trained) for fold in range(args.folds)]
                                for seed in args.seeds], args) for row in args.rows}
    names = dict.fromkeys(name for found in columns.values() for name in found)
    table = [['', *args.rows], *([name, *(columns[row].get(name, '') for row in args.rows)] for name in names)]
    whose = f', task network of {args.task_from}' if args.task_from else ''
    print('\n' + AsciiTable(table, f'{args.config}, folds: {args.folds}, seeds: {args.seeds}{whose}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default='configs/tim/retinanet_ivif-msrs.py',
                        help='config of the task-guided row (default: %(default)s)')
    parser.add_argument('--rows', nargs='+', choices=ROWS, default=ROWS, metavar='ROW',
                        help=f'rows of the table (default: {" ".join(ROWS)})')
    parser.add_argument('--folds', type=int, default=4,
                        help="number of folds; 1 trains and tests on the data's own split (default: 4)")
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='seeds of the trainings (default: 0)')
    parser.add_argument('--groups', nargs='+', default=['day=*D', 'night=*N'], metavar='NAME=PATTERN',
                        help='stems that are scored apart (default: day=*D night=*N)')
    parser.add_argument('--task-from', choices=ROWS, metavar='ROW',
                        help='test every row with the task network that this row trained')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/cross_validation'),
                        help='where the trainings go, a folder a run (default: %(default)s)')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when training')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing')
    return parser.parse_args()


def row_options(config: str, row: str) -> list[str]:
    """Return what makes a row of the config of the task-guided one."""
    if row == 'ivif':
        return []
    if row == 'direct':  # the fusion network, trained with l_F alone, stays as it is
        return [f'{hook_place(config, "TaskGuidanceHook")}.stages.1.stage=task']
    return ['model.scene._delete_=True', 'model.scene.type=FixedFusion', f'model.scene.rule={row}']


def train_row(args: argparse.Namespace, row: str, fold: int, seed: int) -> tuple[str, Path]:
    """Train a row on all folds but one; return config and checkpoint."""
    os.environ['FOLD'] = f'{fold}/{args.folds}' if args.folds > 1 else 'none'  # which the config reads
    folder = args.work_dir / f'{Path(args.config).stem}-{row}-{fold}of{args.folds}-{seed}'
    return train_found(args.config, folder, [
        f'randomness.seed={seed}', *row_options(args.config, row), *args.train_options])


def tested(args: argparse.Namespace, run: tuple[str, int, int],
           trained: dict[tuple[str, int, int], tuple[str, Path]]) -> tuple[list[Image], Sequence[str], dict]:
    """Test a run on its fold, by another row's task network where asked for; return images, classes and metrics."""
    config, checkpoint = trained[run]
    folder, name = checkpoint.parent, 'found'
    if args.task_from:
        name = f'found-{args.task_from}'
        donor = trained[args.task_from, *run[1:]][1]
        checkpoint = exchange_task(checkpoint, donor, folder / f'task-{args.task_from}.pth')
    used = folder / Path(config).name  # with the options of the training in it
    # Where mmseg's metric, the first of the test, writes its maps, and mmdet's its boxes.
    option = 'output_dir' if 'IoU' in Config.fromfile(used).test_evaluator[0].type else 'outfile_prefix'
    metrics = test(config, checkpoint, [f'test_evaluator.0.{option}={folder / name}', *args.test_options])
    return *images_of(used, folder / name), metrics


def exchange_task(checkpoint: Path, donor: Path, out: Path) -> Path:
    """Write a checkpoint of one run's scene module and another's task module."""
    if not out.is_file():
        content, other = (torch.load(file, map_location='cpu', weights_only=True) for file in (checkpoint, donor))
        content['state_dict'] = {
            **{name: value for name, value in content['state_dict'].items() if not name.startswith('task.')},
            **{name: value for name, value in other['state_dict'].items() if name.startswith('task.')}}
        with written_beside(out) as file:
            torch.save(content, file)
    return out


def row_scores(tests: Sequence[Sequence[tuple[list[Image], Sequence[str], dict]]],
               args: argparse.Namespace) -> dict[str, str]:
    """Return the scores of a row's tests by seed and fold: of all folds together, by groups of images, and by folds."""
    classes, metrics = tests[0][0][1:]
    seeds = [[image for images, *_ in folds for image in images] for folds in tests]
    found = [scores(images, classes) for images in seeds]
    each = [scores(images, classes) for folds in tests for images, *_ in folds]
    column = {name: figure([values[name] for values in found]) for name in found[0]}
    for name, _, pattern in (group.partition('=') for group in args.groups):
        parts = [grouped(images, pattern) for images in seeds]
        if parts[0]:
            main = main_names(found[0])[0]
            column[f'{main}, {name}'] = figure([scores(part, classes)[main] for part in parts])
    if args.folds > 1:
        column.update((f'{name}, folds', figure([values[name] for values in each])) for name in main_names(found[0]))
    column.update((name, figure([of_images(name, folds) for folds in tests])) for name in metrics
                  if name.startswith(OF_THE_IMAGE) and not name.endswith('/objects'))
    return {'images': str(len(seeds[0])), **column}


def of_images(name: str, tests: Sequence[tuple[list[Image], Sequence[str], dict]]) -> float:
    """Return the mean over all images, or objects where they are counted, of what each fold has its own mean of."""
    counted = f'{name.rpartition("/")[0]}/objects'
    sizes = [metrics.get(counted, len(images)) for images, _, metrics in tests]
    return sum(size * metrics[name] for size, (*_, metrics) in zip(sizes, tests)) / sum(sizes)


def main_names(found: dict[str, float]) -> list[str]:
    """Return the names of the scores that sum up a detection or a segmentation."""
    return [name for name in ('mAP_50', 'mAP', 'mIoU') if name in found]


if __name__ == '__main__':
    main()
