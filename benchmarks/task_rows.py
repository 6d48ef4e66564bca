"""What fusion and task guidance are worth: the rows of a table, each trained and tested with every seed.

All rows share task network, data and budget (TIM's tables 3, 4, 5 and 10): they are options of one config, named in
`benchmarks/rows.py`, or configs of one pattern. Where a row is a search, what it found is trained and tested. Figures
are means over the seeds, with the standard deviation. The same command goes on where it was stopped, and divides its
runs among processes that are started with it.

With `--folds N` each row is trained on all folds but one and tested on that one, for every fold; the config makes the
folds, by FOLD=K/N in the environment (docs/en/datasets.md). Where the data are files, the detections or maps of all
folds are scored together, by classes, heights of people, day and night; mean and standard deviation over the folds
stand beside, and below the differences between the rows on the same images, with standard errors (a tenth of the images
left out at a time). The further metrics of the test, of the image that the task saw, are means over all images, or
objects. In TIM's table 4 one detector, trained on averages, sees what others fuse (`--task-from`); TIM's row has its
own.

    python benchmarks/task_rows.py                    # detection, built-in scenes, the budget of the demo
    python benchmarks/task_rows.py --test-options test_dataloader.dataset.seed=9 test_dataloader.dataset.length=400
    python benchmarks/task_rows.py configs/tim/retinanet_ivif.py              # the full budget
    python benchmarks/task_rows.py configs/tim/resnet18_ivif.py               # segmentation
    python benchmarks/task_rows.py configs/tim/registration_ivif.py --rows none ivif
    MSRS_ROOT=data/msrs python benchmarks/task_rows.py configs/tim/retinanet_ivif-msrs.py --folds 4 --seeds 0
    ... --task-from average    # one detector for all rows
    ... --train-options optim_wrapper.type=CPUAmpOptimWrapper    # bfloat16, where the processor has it
    python benchmarks/task_rows.py --configs 'configs/tim/{}_real.py' --rows fusion_full enhance_ivif
"""
import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import torch
from mmengine.config import Config
from pooled import Image, difference_table, grouped, images_of, main_names, output_option, paired, scores
from rows import RUAS_ROWS, TIM_ROWS
from runs import config_with, figure, shared, test, train_found
from terminaltables import AsciiTable

from mmfusenas.core.files import atomic_write
from mmfusenas.utils.command_line import run_tool

ROWS = {'tim': TIM_ROWS, 'ruas': RUAS_ROWS}
"""Rows by the folder of the config."""
FUSION = ['visible', 'infrared', 'average', 'direct', 'ivif']
LEFT_OUT = ('mAP_75', 'mAP_s', 'mAP_m', 'mAP_l', 'mAP_copypaste', '_precision', 'time', 'data_time')
"""Of the many figures that mmdet and mmseg give, those that the papers' tables do not have."""
OF_THE_IMAGE = ('cddfuse/', 'fusion/', 'people by')
"""Prefixes of the metrics of the image that the task saw."""


class Test(NamedTuple):
    """What a test gave: its metrics, and images with what was found in them where that can be read."""

    metrics: dict[str, float]
    images: list[Image]
    classes: Sequence[str]


def main() -> None:
    args = parse_args()
    needed = dict.fromkeys([*args.rows, *([args.task_from] if args.task_from else [])])
    runs = [(row, fold, seed) for seed in args.seeds for fold in range(args.folds) for row in needed]
    trained = shared(runs, lambda run: train_row(args, *run))
    tests = shared([(row, fold, seed) for row in args.rows for seed in args.seeds for fold in range(args.folds)],
                   lambda run: tested(args, run, trained))
    columns = {row: column([[tests[row, fold, seed] for fold in range(args.folds)] for seed in args.seeds], args)
               for row in args.rows}
    names = dict.fromkeys(name for found in columns.values() for name in found)  # not every row has all of them
    table = [['', *args.rows], *([name, *(columns[row].get(name, '') for row in args.rows)] for name in names)]
    folds = f', folds: {args.folds}' if args.folds > 1 else ''
    whose = f', task network of {args.task_from}' if args.task_from else ''
    print('\n' + AsciiTable(table, f'{args.configs or args.config}{folds}, seeds: {args.seeds}{whose}').table)
    if len(args.rows) > 1 and all(test.images for test in tests.values()):
        images = {row: [[image for fold in range(args.folds) for image in tests[row, fold, seed].images]
                        for seed in args.seeds] for row in args.rows}
        classes = next(iter(tests.values())).classes
        print('\n' + AsciiTable(difference_table(paired(images, classes)), 'on the same images').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default='configs/tim/retinanet_ivif_demo.py',
                        help='config that the rows are options of (default: %(default)s)')
    parser.add_argument('--configs', metavar='PATTERN', help='rows that are configs: their path, {} for the row')
    parser.add_argument('--rows', nargs='+', default=FUSION, help=f'rows of the table (default: {" ".join(FUSION)})')
    parser.add_argument('--folds', type=int, default=1,
                        help="number of folds; 1 trains and tests on the data's own split, or on FOLD=K/N of the "
                             'environment (default: 1)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='seeds (default: 0 1 2)')
    parser.add_argument('--subsets', nargs='+', default=['day=*D', 'night=*N'], metavar='NAME=PATTERN',
                        help='stems that are scored apart (default: day=*D night=*N)')
    parser.add_argument('--task-from', metavar='ROW',
                        help='test every row with the task network that this row trained')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/rows'),
                        help='where the trainings go, a folder a run (default: %(default)s)')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when training')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing, such as another seed of the scenes')
    parser.add_argument('--classes', action='store_true', help='every figure of a test, those of single classes too')
    args = parser.parse_args()
    for row in [*args.rows, *([args.task_from] if args.task_from else [])]:
        if not args.configs and row not in rows_of(args.config):
            parser.error(f'{args.config} has no row {row!r}; give --rows of {", ".join(rows_of(args.config))}, or '
                         '--configs PATTERN where rows are configs')
    if args.folds > 1:
        check_folds(args)
    return args


def rows_of(config: str) -> dict[str, list[str]]:
    """Return the rows that a config has, by the options that make them."""
    return ROWS.get(Path(config).resolve().parent.name, TIM_ROWS)


def check_folds(args: argparse.Namespace) -> None:
    """End where the environment does not change what a config is tested on."""
    config, found = (args.configs or args.config).replace('{}', args.rows[0]), []
    for fold in (0, 1):
        os.environ['FOLD'] = f'{fold}/{args.folds}'
        found.append(Config.fromfile(config).test_dataloader)
    if found[0] == found[1]:
        sys.exit(f'error: --folds {args.folds}: {config} makes no folds of its data by FOLD=K/N in the environment, as '
                 'configs/tim/retinanet_ivif-msrs.py does.')


def train_row(args: argparse.Namespace, row: str, fold: int, seed: int) -> tuple[str, Path]:
    """Train a row on all folds but one; return config and checkpoint."""
    if args.folds > 1:
        os.environ['FOLD'] = f'{fold}/{args.folds}'  # which the config reads
    config, options = (args.configs.format(row), []) if args.configs else (args.config, rows_of(args.config)[row])
    name = [Path(config).stem, *([] if args.configs else [row]),
            *([f'{fold}of{args.folds}'] if args.folds > 1 else []), str(seed)]
    return train_found(
        config, args.work_dir / '-'.join(name), [f'randomness.seed={seed}', *options, *args.train_options])


def tested(args: argparse.Namespace, run: tuple[str, int, int],
           trained: dict[tuple[str, int, int], tuple[str, Path]]) -> Test:
    """Test a run on its fold, by another row's task network where asked for."""
    config, checkpoint = trained[run]
    used = checkpoint.parent / Path(config).name  # with the options of the training in it
    if args.task_from:
        donor = trained[args.task_from, *run[1:]][1]
        used, checkpoint = exchange_task(used, checkpoint, donor, checkpoint.parent / f'task-{args.task_from}')
    if not used.is_file():  # of records, which keep the metrics alone
        return Test(test(used.name, checkpoint, args.test_options), [], ())
    cfg = config_with(used, args.test_options)
    option = output_option(cfg)
    options = '-'.join(['', *args.test_options]).encode()
    place = checkpoint.parent / f'found-{crc32(options):08x}'  # one for each test
    metrics = test(used.name, checkpoint, args.test_options, [f'{option}={place}'] if option else [])
    return Test(metrics, *images_of(cfg, place)) if option else Test(metrics, [], ())


def exchange_task(config: Path, checkpoint: Path, donor: Path, folder: Path) -> tuple[Path, Path]:
    """Write a checkpoint of one run's scene module and another's task module, and its config; return both."""
    out = folder / checkpoint.name
    if not out.is_file():
        folder.mkdir(exist_ok=True)
        (folder / config.name).write_text(config.read_text())
        content, other = (torch.load(file, map_location='cpu', weights_only=True) for file in (checkpoint, donor))
        content['state_dict'] = {
            **{name: value for name, value in content['state_dict'].items() if not name.startswith('task.')},
            **{name: value for name, value in other['state_dict'].items() if name.startswith('task.')}}
        with atomic_write(out) as file:
            torch.save(content, file)
    return folder / config.name, out


def column(tests: Sequence[Sequence[Test]], args: argparse.Namespace) -> dict[str, str]:
    """Return the figures of a row's tests by seed and fold."""
    if all(test.images for folds in tests for test in folds):
        return pooled_figures(tests, args)
    names = dict.fromkeys(name for folds in tests for test in folds for name in test.metrics)
    values = {name: [[test.metrics[name] for test in folds if name in test.metrics] for folds in tests]
              for name in names if args.classes or not name.endswith(LEFT_OUT)}
    return {name: figure([sum(several) / len(several) for several in seeds if several])
            for name, seeds in values.items()}


def pooled_figures(tests: Sequence[Sequence[Test]], args: argparse.Namespace) -> dict[str, str]:
    """Return the scores of all folds together, by groups of images, and by folds, and the metrics of the image."""
    metrics, _, classes = tests[0][0]
    seeds = [[image for test in folds for image in test.images] for folds in tests]
    found = [scores(images, classes) for images in seeds]
    each = [scores(test.images, classes) for folds in tests for test in folds]
    figures = {name: figure([values[name] for values in found]) for name in found[0]}
    for name, _, pattern in (group.partition('=') for group in args.subsets):
        parts = [grouped(images, pattern) for images in seeds]
        if parts[0]:
            main = main_names(found[0])[0]
            figures[f'{main}, {name}'] = figure([scores(part, classes)[main] for part in parts])
    if args.folds > 1:
        figures.update((f'{name}, folds', figure([values[name] for values in each])) for name in main_names(found[0]))
    figures.update((name, figure([of_images(name, folds) for folds in tests])) for name in metrics
                   if name.startswith(OF_THE_IMAGE) and not name.endswith('/objects'))
    return {'images': str(len(seeds[0])), **figures}


def of_images(name: str, folds: Sequence[Test]) -> float:
    """Return the mean over all images, or objects where they are counted, of what each fold has its own mean of."""
    counted = f'{name.rpartition("/")[0]}/objects'
    sizes = [test.metrics.get(counted, len(test.images)) for test in folds]
    return sum(size * test.metrics[name] for size, test in zip(sizes, folds)) / sum(sizes)


if __name__ == '__main__':
    run_tool(main)
