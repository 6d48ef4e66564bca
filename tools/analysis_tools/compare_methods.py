"""Compare fusion methods: ``python tools/analysis_tools/compare_methods.py --methods tim-light average --data DIR``."""
from mmfusenas.core.errors import InputError, UserError
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.registry import init_default_scope
from rich.progress import track
from terminaltables import AsciiTable

from mmfusenas.apis.fusion_methods import FORMS, Fuse, FusedFolder, checked_image, fusion_method, with_chroma
from mmfusenas.apis.image_task import ImageTask
from mmfusenas.apis.pairs import input_pairs
from mmfusenas.core.files import write_text
from mmfusenas.datasets.annotation_folders import LABELS, dataset_config, find_annotations
from mmfusenas.datasets.checks import check_seg_map
from mmfusenas.datasets.images import ImageError, image_size, read_infrared, read_visible, write_image
from mmfusenas.datasets.pairing import Pair, get_stem
from mmfusenas.datasets.problems import Problem, raise_errors
from mmfusenas.datasets.transforms.load_seg_map import LoadSegMap
from mmfusenas.evaluation.spread import Score, jackknife, tell_apart
from mmfusenas.evaluation.suite import CONVENTIONS, DEFAULT_METRICS, compute_scores, find_metrics
from mmfusenas.evaluation.task_scores import class_areas, detection_sample, mean_average_precision, mean_iou
from mmfusenas.models.scene.fixed_fusion import RULES
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import command, json_text, output_file, output_folder, run_tool

SENSORS = ('visible', 'infrared')
"""Rows of every table: what a single sensor has without any fusion."""
FOLDERS = dict(visible=('vi', 'visible', 'Vis'), infrared=('ir', 'infrared', 'Ir'))
GROUPS = 10
"""Parts of the images that are left out in turn for the spread of mAP and mIoU."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Fuse the pairs of a folder by several methods and compare them, each single sensor being a row '
                    'too: fusion metrics in our convention and in that of CDDFuse, the time of a pair and, where the '
                    'pairs have annotations, what one trained detector and one segmentor find in the images of each '
                    'method.',
        epilog='example: python tools/analysis_tools/compare_methods.py --methods tim-light average laplacian '
               'mine:fused/mine other:other.onnx gff:projects/fusion_adapters/guided_filter.py:GuidedFilterFusion '
               '--data data/msrs/test --segmentor tim-segment-msrs. A Python file named here is run. Values stand with '
               'their standard errors over the pairs; * is the best fusion, = what differs from it by at most two '
               'standard errors of the difference on the same pairs.')
    parser.add_argument('--methods', required=True, nargs='+', metavar='METHOD', help=(
        f'rules ({", ".join(RULES)}), bundled weights (tools/infer.py --list), {FORMS}; a space or a comma between'))
    parser.add_argument('--data', required=True, metavar='DIR',
                        help='folder with the folders vi and ir (or visible and infrared, Vis and Ir)')
    parser.add_argument('--conventions', nargs='*', choices=CONVENTIONS, default=list(CONVENTIONS),
                        help='whose fusion metrics, docs/en/metrics.md (default: both; without a word: none)')
    parser.add_argument('--metrics', nargs='+', default=DEFAULT_METRICS, metavar='M', help=(
        f'of our convention: some of {", ".join(CONVENTIONS["mmfusenas"].metrics)}, or all (default: '
        f'{", ".join(DEFAULT_METRICS)}); that of CDDFuse has its eight'))
    parser.add_argument('--detector', metavar='NAME', help='bundled weights or checkpoint whose detector looks at the '
                        'images, for mAP at an IoU of 0.5; YOLO files number its classes')
    parser.add_argument('--segmentor', metavar='NAME', help='the same of a segmentor, for mIoU; needs maps')
    parser.add_argument('--labels', choices=[name for name in LABELS if name != 'maps'], default='yolo',
                        help='form of the boxes (default: yolo)')
    parser.add_argument('--annotations', metavar='PATH', help='folder of the boxes, of coco the file, whose images are '
                        'then the pairs (default: beside the folder of the visible images)')
    parser.add_argument('--maps', metavar='DIR', help='folder of the segmentation maps (default: as above)')
    parser.add_argument('--out-dir', metavar='DIR', help='keep the fused images: DIR/METHOD/STEM.png')
    parser.add_argument('--json', metavar='FILE', help='write all figures, those of every pair too')
    parser.add_argument('--threads', type=int, metavar='N', help="threads of torch, OpenCV and onnxruntime (default: "
                        "torch's)")
    parser.add_argument('--device', help='cpu or cuda (default: the GPU where torch sees one)')
    return parser.parse_args()


@dataclass
class Row:
    """What is known of the images of one method, a value a pair.

    Attributes:
        metrics: Fusion metrics by convention and name.
        seconds: To fuse a pair; none of images that were fused before.
        found: What the detector found, beside what is there.
        areas: Of the segmentor's classes.
    """

    metrics: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    found: list[dict] = field(default_factory=list)
    areas: list[torch.Tensor] = field(default_factory=list)


def read_pairs(args: argparse.Namespace, tasks: Mapping[str, ImageTask]) -> tuple[list[Pair], dict[str, dict]]:
    """Return the pairs, and by task and stem what their annotations say.

    Raises:
        UserError: A folder is missing, no image has a box, or what the pairing or a data set raises.
    """
    visible, infrared = (sensor_folder(args.data, sensor) for sensor in SENSORS)
    truth: dict[str, dict] = {}
    for kind, task in tasks.items():
        form = args.labels if kind == 'detector' else 'maps'
        annotations = (args.annotations if kind == 'detector' else args.maps) or find_annotations(visible, form)
        data = DATASETS.build(dict(dataset_config(visible, infrared, form, annotations), test_mode=True,
                                   metainfo=dict(classes=task.classes)))
        infos = [data.get_data_info(number) for number in range(len(data))]
        truth[kind] = {get_stem(info['img_path']): info for info in infos}
    if 'detector' in truth:
        instances = [instance for info in truth['detector'].values() for instance in info['instances']]
        if all(instance['ignore_flag'] for instance in instances):
            where = args.annotations or find_annotations(visible, args.labels)
            raise UserError(f'There is no box in the annotations of {where}, so --detector has no score: give those of '
                            'these images by --annotations, or leave --detector out.')
        pairs = [Pair(stem, info['img_path'], info['infrared_path']) for stem, info in truth['detector'].items()]
    else:
        pairs = input_pairs(visible, infrared)
    return pairs, truth


def check_pairs(pairs: list[Pair], truth: Mapping[str, Mapping[str, dict]], tasks: Mapping[str, ImageTask],
                metrics: Mapping[str, list[str]]) -> None:
    """Read all images and maps once, so that no pair ends the comparison after hours.

    Raises:
        DatasetError: Some cannot be compared; the message names them.
    """
    problems = []
    for pair in track(pairs, 'reading'):
        try:
            visible, infrared = read_visible(pair.visible), read_infrared(pair.infrared)
        except ImageError as error:
            problems.append(Problem('error', 'unreadable image', pair.visible, str(error)))
            continue
        if visible.shape[:2] != infrared.shape[:2]:
            message = f'it and {pair.infrared} differ in size; bring both to one size first'
            problems.append(Problem('error', 'sizes differ', pair.visible, message))
        elif visible.dtype != np.uint8 or infrared.dtype != np.uint8:
            message = f'it or {pair.infrared} is not of 8 bit; bring the images to 8 bit first'
            problems.append(Problem('error', 'depth', pair.visible, message))
        elif 'segmentor' in tasks:
            problems += check_seg_map(truth['segmentor'][pair.stem], visible.shape[:2], tasks['segmentor'].classes)
    if not problems:  # what the smallest pair is large enough for, the others are
        pair = min(pairs, key=lambda pair: min(image_size(pair.visible)))
        visible, infrared = read_visible(pair.visible), read_infrared(pair.infrared)
        try:
            score_image(Row(), visible, (visible, infrared), metrics)
        except InputError as error:
            problems.append(Problem('error', 'pair without metrics', pair.visible, str(error)))
    raise_errors(problems, 'The data', 'Repair these pairs, or take them out of the folders.')


def sensor_folder(data: str, sensor: str) -> str:
    """Return the folder of the images of a sensor."""
    for name in FOLDERS[sensor]:
        if (Path(data) / name).is_dir():
            return str(Path(data) / name)
    raise UserError(f'{data} has no folder of {sensor} images: it should be named {" or ".join(FOLDERS[sensor])}.')


def named_methods(words: list[str], device: str | None) -> dict[str, Fuse | FusedFolder]:
    """Return the methods by name, single sensors first.

    Raises:
        UserError: Two have the same name; and what :func:`fusion_method` raises.
    """
    named = [text for word in words for text in word.split(',') if text]
    methods: dict[str, Fuse | FusedFolder] = {}
    for text in [*SENSORS, *(text for text in named if text not in SENSORS)]:
        name, method = fusion_method(text, device)
        if name in methods or name != Path(name).name:
            raise UserError(f'The name {name!r} of a method is taken, or no name of a folder: give another, NAME:...')
        methods[name] = method
    return methods


def fuse_and_score(pairs: list[Pair], methods: Mapping[str, Fuse | FusedFolder], metrics: Mapping[str, list[str]],
                   tasks: Mapping[str, ImageTask], truth: Mapping[str, dict], out_dir: str | None) -> dict[str, Row]:
    """Return what is known of each method; the methods take turns on each pair."""
    rows = {name: Row() for name in methods}
    for number, pair in enumerate(track(pairs, 'comparing')):
        visible, infrared = read_visible(pair.visible), read_infrared(pair.infrared)
        for name, method in methods.items():
            image = one_image(method, pair, visible, infrared, rows[name].seconds, warm=number > 0)
            image = checked_image(image, visible, name)
            score_image(rows[name], image, (visible, infrared), metrics)
            if out_dir:
                write_image(Path(out_dir) / name / f'{pair.stem}.png', image)
            for kind, task in tasks.items():
                found, info = task(with_chroma(image, visible)), truth[kind][pair.stem]
                if kind == 'detector':
                    rows[name].found.append(detection_sample(number, found, info['instances'], visible.shape[:2]))
                else:
                    known = LoadSegMap()(dict(info))['gt_seg_map']
                    rows[name].areas.append(class_areas(found['mask'], known, len(task.classes)))
    return rows


def one_image(method: Fuse | FusedFolder, pair: Pair, visible: np.ndarray, infrared: np.ndarray, seconds: list[float],
              warm: bool) -> np.ndarray:
    """Return the image of a method, and add its time to ``seconds``; the first call of a method does not count."""
    if isinstance(method, FusedFolder):
        return method.read(pair.stem)
    if not warm:
        method(visible.copy(), infrared.copy())
    copies = visible.copy(), infrared.copy()  # a method may write into what it gets
    start = perf_counter()
    image = method(*copies)
    seconds.append(perf_counter() - start)
    return image


def score_image(row: Row, image: np.ndarray, sources: tuple[np.ndarray, np.ndarray],
                metrics: Mapping[str, list[str]]) -> None:
    """Add the fusion metrics of one image, in every convention."""
    for convention, names in metrics.items():
        fused, visible, infrared = (CONVENTIONS[convention].read(x, None) for x in (image, *sources))
        known = CONVENTIONS[convention].metrics
        for key, value in compute_scores(names, fused, visible, infrared, metrics=known).items():
            row.metrics.setdefault((convention, key), []).append(float(value))


def task_scores(rows: Mapping[str, Row], tasks: Mapping[str, ImageTask]) -> dict[str, dict[str, Score]]:
    """Return mAP@0.5 and mIoU by method."""
    found: dict[str, dict[str, Score]] = {}
    if 'detector' in tasks:
        classes = tasks['detector'].classes
        found['mAP@0.5'] = {name: jackknife(lambda part: mean_average_precision(part, classes), row.found, GROUPS)
                            for name, row in rows.items()}
    if 'segmentor' in tasks:
        found['mIoU'] = {name: jackknife(mean_iou, row.areas, GROUPS) for name, row in rows.items()}
    return found


def table(columns: Mapping[str, dict[str, Score]], higher: Mapping[str, bool], rivals: list[str],
          extra: Mapping[str, list[str]] | None = None) -> str:
    """Return a table, a row a method: each value, its mark and its standard error.

    Args:
        columns: Scores by head and method.
        higher: By head, whether higher is better.
        rivals: Methods among which the best is looked for.
        extra: Further columns by head, a text a method.
    """
    marks = {head: tell_apart({name: column[name] for name in rivals}, higher[head])
             for head, column in columns.items()}
    heads = [head if higher[head] else f'{head}\n(lower is better)' for head in columns]
    names = list(next(iter(columns.values()))) if columns else []
    rows = [[name, *(f'{column[name].value:.3f} {marks[head].get(name, "")}'.rstrip() + f'\n+- {column[name].error:.3f}'
                     for head, column in columns.items()),
             *(texts[place] for texts in (extra or {}).values())] for place, name in enumerate(names)]
    return AsciiTable([['method', *heads, *(extra or {})], *rows]).table


def print_tables(args: argparse.Namespace, number: int, means: dict, judged: dict, rows: Mapping[str, Row],
                 tasks: Mapping[str, ImageTask]) -> None:
    """Print a table a convention, and one of time and tasks, each with what has to be known of it."""
    names, fused = list(rows), [name for name in rows if name not in SENSORS]
    for convention, columns in means.items():
        known = CONVENTIONS[convention]
        print(f'\nConvention {convention}: {known.channel}, values in 0-255, means of {number} pairs of {args.data}, '
              '+- standard errors over the pairs.')
        print(table(columns, {key: known.metrics[key].higher_is_better for key in columns}, fused))
    print('\n* the best, = not told from it: they differ on the same pairs by at most two standard errors. Single '
          'sensors get no mark in fusion metrics, which reward a copy of a source.')
    for kind, task in tasks.items():
        print(f'\n{getattr(args, kind)}, a {kind} of {", ".join(task.classes)}, trained on {task.trained_on}. It '
              'favours methods whose images are like those. Standard errors by leaving out a tenth of the pairs at a '
              'time.')
    print(f'\nms: time of a pair, median of {number}, one call each after one that does not count, from array to '
          f'array; threads: {torch.get_num_threads()}.')
    times = [f'{1000 * median(rows[name].seconds):.1f}' if rows[name].seconds else '-' for name in names]
    if judged:
        print(table(judged, dict.fromkeys(judged, True), names, dict(ms=times)))
    else:
        print(AsciiTable([['method', 'ms'], *([name, ms] for name, ms in zip(names, times))]).table)


def to_json(args: argparse.Namespace, pairs: list[Pair], means: dict, judged: dict, rows: Mapping[str, Row],
            tasks: Mapping[str, ImageTask]) -> str:
    """Return everything as JSON."""
    def plain(score: Score) -> dict[str, float]:
        return dict(value=score.value, standard_error=score.error)

    methods: dict[str, Any] = {}
    for name, row in rows.items():
        methods[name] = {convention: {key: plain(column[name]) for key, column in columns.items()}
                         for convention, columns in means.items()}
        methods[name].update({key: plain(column[name]) for key, column in judged.items()})
        methods[name]['milliseconds'] = 1000 * median(row.seconds) if row.seconds else None
        methods[name]['per_image'] = {
            pair.stem: {convention: {key: row.metrics[convention, key][place] for key in columns}
                        for convention, columns in means.items()} for place, pair in enumerate(pairs)}
    return json_text(dict(data=args.data, pairs=len(pairs), threads=torch.get_num_threads(), methods=methods, tasks={
        kind: dict(name=getattr(args, kind), classes=task.classes, trained_on=task.trained_on)
        for kind, task in tasks.items()}))


def build_tasks(args: argparse.Namespace) -> dict[str, ImageTask]:
    """Return the detector and the segmentor that are named."""
    tasks = {kind: ImageTask(getattr(args, kind), args.device) for kind in ('detector', 'segmentor')
             if getattr(args, kind)}
    for kind, task in tasks.items():
        if task.kind != kind:
            raise UserError(f'--{kind} {getattr(args, kind)} is a {task.kind}: give it by --{task.kind}.')
    return tasks


def main() -> None:
    """Compare."""
    args = parse_args()
    init_default_scope('mmfusenas')
    if args.threads:
        torch.set_num_threads(args.threads)
    cv2.setNumThreads(torch.get_num_threads())
    if args.json:
        output_file(args.json)
    if args.out_dir:
        output_folder(args.out_dir)
    metrics = {name: find_metrics(args.metrics) if name == 'mmfusenas' else list(CONVENTIONS[name].default)
               for name in args.conventions}
    tasks = build_tasks(args)
    methods = named_methods(args.methods, args.device)
    pairs, truth = read_pairs(args, tasks)
    check_pairs(pairs, truth, tasks, metrics)
    rows = fuse_and_score(pairs, methods, metrics, tasks, truth, args.out_dir)
    means = {convention: {key: {name: jackknife(np.mean, row.metrics[convention, key]) for name, row in rows.items()}
                          for key in names} for convention, names in metrics.items()}
    judged = task_scores(rows, tasks)
    print_tables(args, len(pairs), means, judged, rows, tasks)
    if args.json:
        write_text(args.json, to_json(args, pairs, means, judged, rows, tasks))
    print('\ndone; next, the images of one method:\n  ' + command(
        'python', 'tools/infer.py', '--model', 'tim-light', '--visible', sensor_folder(args.data, 'visible'),
        '--infrared', sensor_folder(args.data, 'infrared'), '--out-dir', 'fused'))


if __name__ == '__main__':
    run_tool(main)
