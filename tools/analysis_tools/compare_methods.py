"""Compare fusion methods: ``python tools/analysis_tools/compare_methods.py --methods tim-light average --data DIR``."""
from mmfusenas.core.errors import FileNotWrittenError, InputError, UserError
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.registry import init_default_scope
from terminaltables import AsciiTable

from mmfusenas.apis.base_inferencer import said
from mmfusenas.apis.comparison import Row, fingerprint, fingerprint_of_words, kept_rows, to_content
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
from mmfusenas.utils.progress import shown
from mmfusenas.utils.stop_signals import StopSignals
from mmfusenas.version import __version__

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
               '--data data/msrs/test --segmentor tim-segment-msrs. A quick look is --metrics MI VIF --conventions '
               'mmfusenas: its metrics take a tenth of the time of --metrics all, and a quarter of the default. A '
               'Python file named here is run. Values stand with their standard errors over the pairs; * is the best '
               'fusion, = what differs from it by at most two standard errors of the difference on the same pairs.')
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
    parser.add_argument('--json', metavar='FILE', help='write all figures, those of every pair too, '
                        'after every method')
    parser.add_argument('--resume', action='store_true', help='go on with --json FILE: the methods that it has are not '
                        'run again; they have to be of the same pairs, metrics, tasks and files')
    parser.add_argument('--threads', type=int, metavar='N', help="threads of torch, OpenCV and onnxruntime (default: "
                        "torch's)")
    parser.add_argument('--device', help='cpu or cuda (default: the GPU where torch sees one)')
    return parser.parse_args()


@dataclass
class Comparison:
    """What is compared, and what is known.

    Attributes:
        args: The command line.
        metrics: Names of the fusion metrics by convention.
        tasks: What looks at the images, by kind.
        methods: By name, with the words and fingerprints of each in ``fingerprints``.
        pairs: What is fused.
        truth: What the annotations of the pairs say, by task and stem.
        asked: What makes other figures of the same methods, with the files as they were at the start.
        rows: What is known of the methods that are done.
        failed: What ended the others.
    """

    args: argparse.Namespace
    metrics: dict[str, list[str]]
    tasks: dict[str, ImageTask]
    methods: dict[str, Fuse | FusedFolder]
    fingerprints: dict[str, str]
    pairs: list[Pair]
    truth: dict[str, dict]
    asked: dict[str, Any]
    rows: dict[str, Row] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)

    def missing(self) -> list[str]:
        """Return the names of the methods that are not done."""
        return [name for name in self.methods if name not in self.rows]


def asked_for(args: argparse.Namespace, metrics: Mapping[str, list[str]], pairs: Sequence[Pair],
              truth: Mapping[str, dict]) -> dict[str, Any]:
    """Return what makes other figures of the same methods."""
    notes = json.dumps(truth, default=str, sort_keys=True)
    maps = [info.get('seg_map_path') for info in truth.get('segmentor', {}).values()]
    names = {kind: getattr(args, kind) for kind in truth}
    return dict(
        version=__version__, pairs=fingerprint(path for pair in pairs for path in pair.paths), metrics=metrics,
        tasks={kind: [name, fingerprint_of_words(name)] for kind, name in names.items()},
        annotations=f'{sha256(notes.encode()).hexdigest()[:16]} {fingerprint(filter(None, maps))}',
        threads=torch.get_num_threads(), device=args.device,
        out_dir=args.out_dir and str(Path(args.out_dir).resolve()))


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
    for pair in shown(pairs, 'reading', len(pairs), 'pairs'):
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


def named_methods(words: list[str], device: str | None) -> tuple[dict[str, Fuse | FusedFolder], dict[str, str]]:
    """Return the methods by name, single sensors first, and the fingerprints of what they are made of.

    Raises:
        UserError: Two have the same name; and what :func:`fusion_method` raises.
    """
    named = [text for word in words for text in word.split(',') if text]
    methods: dict[str, Fuse | FusedFolder] = {}
    fingerprints: dict[str, str] = {}
    for text in [*SENSORS, *(text for text in named if text not in SENSORS)]:
        name, method = fusion_method(text, device)
        if name in methods or name != Path(name).name:
            raise UserError(f'The name {name!r} of a method is taken, or no name of a folder: give another, NAME:...')
        methods[name], fingerprints[name] = method, f'{text} {fingerprint_of_words(text)}'
    return methods, fingerprints


def check_out_dir(args: argparse.Namespace, methods: Mapping[str, Fuse | FusedFolder]) -> None:
    """Raise a UserError where the images of a method would be written among those that are read."""
    read = [sensor_folder(args.data, sensor) for sensor in SENSORS]
    read += [method.folder for method in methods.values() if isinstance(method, FusedFolder)]
    taken = {Path(folder).resolve(): folder for folder in read}
    for name in methods:
        if (folder := taken.get((Path(args.out_dir) / name).resolve())) is not None:
            raise UserError(f'--out-dir {args.out_dir} would write the images of {name} to {folder}, whose images are '
                            'compared: give another folder.')


def first_calls(pairs: list[Pair], methods: Mapping[str, Fuse | FusedFolder]) -> None:
    """Call every method once, which does not count, and look at the images that are fused already.

    So that none of them ends after hours for what can be known before.
    """
    visible, infrared = read_visible(pairs[0].visible), read_infrared(pairs[0].infrared)
    for name, method in methods.items():
        if isinstance(method, FusedFolder):
            for pair in pairs:
                checked_image(method.read(pair.stem), read_visible(pair.visible), name)
        else:
            checked_image(method(visible.copy(), infrared.copy()), visible, name)


def compare(this: Comparison) -> None:
    """Run one method after the other; keep what is done where one fails, or where the comparison is stopped."""
    with StopSignals('pair') as signals:
        try:
            for name in this.missing():
                try:
                    row = fuse_and_score(this, name, signals)
                except FileNotWrittenError:  # nor would the next be
                    raise
                except Exception as error:  # whatever is wrong with one method, the others are worth their rows
                    this.failed[name] = error
                else:
                    if row is None:
                        break
                    this.rows[name] = row
                if this.args.json:
                    write_text(this.args.json, to_json(this))
        finally:
            report(this)


def fuse_and_score(this: Comparison, name: str, signals: StopSignals) -> Row | None:
    """Return what is known of a method, None where a signal asks to stop."""
    row, found, areas, method = Row(), [], [], this.methods[name]
    title = f'{name} ({list(this.methods).index(name) + 1} of {len(this.methods)} methods)'
    for number, pair in enumerate(shown(this.pairs, title, len(this.pairs), 'pairs')):
        visible, infrared = read_visible(pair.visible), read_infrared(pair.infrared)
        image = checked_image(one_image(method, pair, visible, infrared, row.seconds), visible, name)
        score_image(row, image, (visible, infrared), this.metrics)
        if this.args.out_dir:
            write_image(Path(this.args.out_dir) / name / f'{pair.stem}.png', image)
        for kind, task in this.tasks.items():
            seen, info = task(with_chroma(image, visible)), this.truth[kind][pair.stem]
            if kind == 'detector':
                found.append(detection_sample(number, seen, info['instances'], visible.shape[:2]))
            else:
                areas.append(class_areas(seen['mask'], LoadSegMap()(dict(info))['gt_seg_map'], len(task.classes)))
        if signals.received:
            return None
    if found:
        classes = this.tasks['detector'].classes
        row.judged['mAP@0.5'] = jackknife(lambda part: mean_average_precision(part, classes), found, GROUPS)
    if areas:
        row.judged['mIoU'] = jackknife(mean_iou, areas, GROUPS)
    return row


def one_image(method: Fuse | FusedFolder, pair: Pair, visible: np.ndarray, infrared: np.ndarray,
              seconds: list[float]) -> np.ndarray:
    """Return the image of a method, and add its time to ``seconds``."""
    if isinstance(method, FusedFolder):
        return method.read(pair.stem)
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


def report(this: Comparison) -> None:
    """Print the tables of the methods that are done, and say which are not."""
    this.rows = {name: this.rows[name] for name in this.methods if name in this.rows}
    if this.rows:
        print_tables(this)
    if not this.missing():
        return
    names = [f'{name} ({said(this.failed[name]).splitlines()[-1]})' if name in this.failed else name
             for name in this.missing()]
    advice = ('The same command with --resume runs these alone.' if this.args.json else
              'With --json FILE a method that is done is kept, and --resume runs the others.')
    print(f'\nNot done: {", ".join(names)}. {advice}', flush=True)  # SIGTERM would end the process with it


def print_tables(this: Comparison) -> None:
    """Print a table a convention, and one of time and tasks, each with what has to be known of it."""
    rows, fused, number = this.rows, [name for name in this.rows if name not in SENSORS], len(this.pairs)
    means = {name: row.means() for name, row in rows.items()}
    for convention, keys in this.metrics.items():
        known = CONVENTIONS[convention]
        print(f'\nConvention {convention}: {known.channel}, values in 0-255, means of {number} pairs of '
              f'{this.args.data}, +- standard errors over the pairs.')
        columns = {key: {name: means[name][convention, key] for name in rows} for key in keys}
        print(table(columns, {key: known.metrics[key].higher_is_better for key in columns}, fused))
    print('\n* the best, = not told from it: they differ on the same pairs by at most two standard errors. Single '
          'sensors get no mark in fusion metrics, which reward a copy of a source.')
    for kind, task in this.tasks.items():
        print(f'\n{getattr(this.args, kind)}, a {kind} of {", ".join(task.classes)}, trained on {task.trained_on}. It '
              'favours methods whose images are like those. Standard errors by leaving out a tenth of the pairs at a '
              'time.')
    print(f'\nms: time of a pair, median of {number}, one call each after one that does not count, from array to '
          f'array; threads: {torch.get_num_threads()}.')
    times = ['-' if row.milliseconds is None else f'{row.milliseconds:.1f}' for row in rows.values()]
    judged = {head: {name: row.judged[head] for name, row in rows.items()} for head in next(iter(rows.values())).judged}
    if judged:
        print(table(judged, dict.fromkeys(judged, True), list(rows), dict(ms=times)))
    else:
        print(AsciiTable([['method', 'ms'], *([name, ms] for name, ms in zip(rows, times))]).table)


def to_json(this: Comparison) -> str:
    """Return everything as JSON."""
    stems = [pair.stem for pair in this.pairs]
    methods = {name: dict(to_content(this.rows[name], stems), fingerprint=this.fingerprints[name])
               for name in this.methods if name in this.rows}
    tasks = {kind: dict(name=getattr(this.args, kind), classes=task.classes, trained_on=task.trained_on)
             for kind, task in this.tasks.items()}
    return json_text(dict(data=this.args.data, pairs=len(stems), threads=torch.get_num_threads(), methods=methods,
                          tasks=tasks, missing=this.missing(), asked=this.asked,
                          failed={name: said(error) for name, error in this.failed.items()}))


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
    if args.resume and not args.json:
        raise UserError('--resume goes on with what --json FILE has: give the file too.')
    metrics = {name: find_metrics(args.metrics) if name == 'mmfusenas' else list(CONVENTIONS[name].default)
               for name in args.conventions}
    tasks = build_tasks(args)
    methods, fingerprints = named_methods(args.methods, args.device)
    pairs, truth = read_pairs(args, tasks)
    if args.out_dir:
        check_out_dir(args, methods)
    asked = asked_for(args, metrics, pairs, truth)
    check_pairs(pairs, truth, tasks, metrics)
    this = Comparison(args, metrics, tasks, methods, fingerprints, pairs, truth, asked)
    if args.resume:
        this.rows = kept_rows(args.json, asked, fingerprints)
    first_calls(pairs, {name: methods[name] for name in this.missing()})
    compare(this)
    for error in this.failed.values():
        raise error
    print('\ndone; next, the images of one method:\n  ' + command(
        'python', 'tools/infer.py', '--model', 'tim-light', '--visible', sensor_folder(args.data, 'visible'),
        '--infrared', sensor_folder(args.data, 'infrared'), '--out-dir', 'fused'))


if __name__ == '__main__':
    run_tool(main)
