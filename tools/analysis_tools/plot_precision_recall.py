"""Draw precision over recall of detectors: ``plot_precision_recall.py NAME=found.bbox.json --annotations FILE``."""
import argparse
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from terminaltables import AsciiTable

from mmfusenas.core.errors import UserError
from mmfusenas.core.files import atomic_write, parse_json
from mmfusenas.utils.command_line import existing_file, run_tool
from mmfusenas.visualization.score_plots import plot_precision_recall

MOST = 1000
"""Boxes of an image that count, as in mmdet's CocoMetric."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Draw precision over recall of several detectors on the same images, and print their average '
                    'precision.',
        epilog='What a test found is written by its metric: python tools/test.py CONFIG CHECKPOINT --cfg-options '
               'test_evaluator.outfile_prefix=work_dirs/found gives work_dirs/found.bbox.json, and, where the '
               'annotations are no COCO file already, work_dirs/found.gt.json.')
    parser.add_argument('found', nargs='+', metavar='NAME=FILE', help='found boxes of a detector (.bbox.json)')
    parser.add_argument('--annotations', required=True, metavar='FILE', help='true boxes, a COCO file (.gt.json)')
    parser.add_argument('--iou', type=float, default=0.5, help='overlap from which a box is right (default: 0.5)')
    parser.add_argument('--out', type=Path, default=Path('precision_recall.png'), help='default: %(default)s')
    args = parser.parse_args()
    if not 0 < args.iou <= 1:
        parser.error(f'argument --iou: {args.iou} is not above 0 and at most 1')
    if any('=' not in item for item in args.found):
        parser.error(f'argument NAME=FILE: {next(item for item in args.found if "=" not in item)!r} has no name')
    return args


def read(path: str, kind: str) -> Any:
    """Return the content of a JSON file."""
    return parse_json(existing_file(path, kind).read_bytes(), f'{kind} {path}')


def precision(truth: COCO, boxes: Sequence[dict], iou: float) -> dict[str, np.ndarray]:
    """Return the precision at recalls of 0, 0.01, ..., 1 by class, of classes that are there."""
    scoring = COCOeval(truth, truth.loadRes(list(boxes)), 'bbox')
    scoring.params.iouThrs, scoring.params.maxDets = np.array([iou]), [MOST]
    scoring.params.areaRng, scoring.params.areaRngLbl = [[0, 1e10]], ['all']
    scoring.evaluate()
    scoring.accumulate()
    names = [truth.cats[number]['name'] for number in scoring.params.catIds]
    columns = scoring.eval['precision'][0, :, :, 0, 0].T
    return {name: column for name, column in zip(names, columns, strict=True) if (column >= 0).all()}


def main() -> None:
    args = parse_args()
    annotations = read(args.annotations, 'Annotations')
    curves: dict[str, dict[str, np.ndarray]] = {}
    for item in args.found:
        name, _, path = item.partition('=')
        boxes = read(path, 'Boxes')
        try:
            with redirect_stdout(StringIO()):  # what pycocotools says of each step
                truth = COCO()
                truth.dataset = annotations
                truth.createIndex()
                curves[name] = precision(truth, boxes, args.iou) if boxes else {}
        except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise UserError(f'{path} and {args.annotations} are not boxes and annotations of the same images in the '
                            f'format of COCO ({type(error).__name__}: {error}).') from error
    classes = list(dict.fromkeys(name for found in curves.values() for name in found))
    if not classes:
        raise UserError(f'{args.annotations} has no boxes of a class, or nothing was found by any detector.')
    zeros = np.zeros(101)
    complete = {name: {label: found.get(label, zeros) for label in classes} for name, found in curves.items()}
    rows = [[name, *(f'{value:.3f}' for value in (np.mean(list(found.values())), *map(np.mean, found.values())))]
            for name, found in complete.items()]
    print(AsciiTable([['average precision', 'mean', *classes], *rows], f'IoU {args.iou:g}').table)
    with atomic_write(args.out) as partial:
        plot_precision_recall(complete).savefig(partial, format='png', dpi=120)
    print(f'\ndone: {args.out}')


if __name__ == '__main__':
    run_tool(main)
