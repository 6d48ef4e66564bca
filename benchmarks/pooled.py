"""Scores over the union of what several runs were tested on, as of the folds of a cross-validation."""
import filecmp
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.leaves import is_drawn, scan
from mmfusenas.datasets.pairing import get_stem
from mmfusenas.datasets.transforms import LoadSegMap
from mmfusenas.evaluation.spread import Score, jackknife
from mmfusenas.registry import DATASETS
from mmfusenas.utils.config_parts import type_name

PERSON = 'person'
OUTPUTS = {'DetectionMetric': 'outfile_prefix', 'IoUMetric': 'output_dir'}
"""Metrics that write what was found, and their argument that says where."""
GROUPS = 10
"""Groups of neighbouring images that are left out in turn for the error of a difference."""
HEIGHTS = {'< 16 px': (0, 16), '16-32 px': (16, 32), '> 32 px': (32, 1e5)}
"""Heights of people that are scored apart, in pixels."""


class Image(NamedTuple):
    """What is annotated and what was found in one image, and its file."""

    stem: str
    truth: Any
    found: Any
    file: str = ''


def output_option(cfg: Config) -> str | None:
    """Return the option that says where a test writes boxes or maps, None where :func:`images_of` cannot read them.

    They are those of mmdet's or mmseg's metric, the first of the test, on a data set of files.

    Raises:
        UserError: The config has no test set, or an empty one.
    """
    init_default_scope('mmfusenas')
    evaluators, dataset = cfg.get('test_evaluator'), (cfg.get('test_dataloader') or {}).get('dataset')
    place, first = ('.0', evaluators[0]) if isinstance(evaluators, list) and evaluators else ('', evaluators or {})
    argument = OUTPUTS.get(type_name(first))
    if first and not argument:
        return None
    if not first or dataset is None:
        raise UserError(f'{cfg.filename} has no test set: it needs test_dataloader, with a dataset, and '
                        'test_evaluator.')
    infos = scan(dataset, limit=1)[0]
    if is_drawn(infos):
        return None
    if not len(infos):
        raise UserError(f'{cfg.filename}: the data set of test_dataloader is empty; check its folders and FOLD.')
    return f'test_evaluator{place}.{argument}'


def images_of(cfg: Config, found: Path) -> tuple[list[Image], Sequence[str]]:
    """Return what a test by ``cfg`` looked at and wrote to ``found``, and the names of the classes.

    Args:
        cfg: Config of the test, with a data set of mmfusenas.
        found: ``X`` of ``X.bbox.json`` for boxes, a folder for maps.

    Returns:
        Images with boxes as dicts (``bbox`` as x, y, width and height, ``category_id``, ``score``), or with maps; none
        where it is not there any more, as in records of a run.
    """
    if not (found.is_dir() or Path(f'{found}.bbox.json').is_file()):
        return [], ()
    init_default_scope('mmfusenas')
    dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, pipeline=[]))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    read = _maps if 'seg_map_path' in infos[0] else _boxes
    return read(infos, found), dataset.metainfo['classes']


def scores(images: Sequence[Image], classes: Sequence[str]) -> dict[str, float]:
    """Return the scores of images of :func:`images_of`: of detection, or of segmentation."""
    return (map_scores if isinstance(images[0].truth, np.ndarray) else box_scores)(images, classes)


def box_scores(images: Sequence[Image], classes: Sequence[str]) -> dict[str, float]:
    """Return ``mAP_50``, ``mAP``, the AP at IoU 0.5 of each class, and that of people by height, by COCO's rules.

    What has no box annotated, such as small ones where there are none, is NaN.
    """
    precision = precisions(*(coco_boxes([getattr(image, side) for image in images], classes)
                             for side in ('truth', 'found')))
    result = dict(mAP_50=_ap(precision[0, :, :, 0]), mAP=_ap(precision[..., 0]))
    result.update((name, _ap(precision[0, :, label, 0])) for label, name in enumerate(classes))
    if PERSON in classes:
        people = precision[0, :, list(classes).index(PERSON)]
        result.update((f'{PERSON}, {name}', _ap(people[:, k])) for k, name in enumerate(HEIGHTS, 1))
    return result


def coco_boxes(boxes: Sequence[Sequence[dict]], classes: Sequence[str]) -> COCO:
    """Return the boxes of each image as pycocotools takes them, with the square of the height as area."""
    coco = COCO()
    flat = [dict(box, image_id=image) for image, some in enumerate(boxes) for box in some]
    coco.dataset = dict(
        images=[dict(id=image) for image in range(len(boxes))],
        categories=[dict(id=label, name=name) for label, name in enumerate(classes)],
        annotations=[{'iscrowd': 0, **box, 'id': number, 'area': box['bbox'][3] ** 2}
                     for number, box in enumerate(flat, 1)])
    with redirect_stdout(None):
        coco.createIndex()
    return coco


def precisions(truth: COCO, found: COCO) -> np.ndarray:
    """Return precision by IoU, recall, class and height (all, then ``HEIGHTS``); -1 without an annotated box."""
    run = COCOeval(truth, found, 'bbox')
    run.params.areaRng = [(0, 1e10), *((low ** 2, high ** 2) for low, high in HEIGHTS.values())]
    run.params.areaRngLbl = ['all', *HEIGHTS]
    with redirect_stdout(None):
        run.evaluate()
        run.accumulate()
    return run.eval['precision'][..., -1]


def map_scores(images: Sequence[Image], classes: Sequence[str]) -> dict[str, float]:
    """Return ``mIoU``, the mean over all classes, the first among them, ``mAcc``, and the IoU of each class.

    Classes that are neither annotated nor found are NaN and do not count.
    """
    number = len(classes)
    confusion = np.zeros((number, number))
    for image in images:
        counted = image.truth < number  # 255 is ignored
        pairs = number * image.truth[counted].astype(int) + image.found[counted]
        confusion += np.bincount(pairs, minlength=number ** 2).reshape(number, number)
    hits, annotated = confusion.diagonal(), confusion.sum(1)
    with np.errstate(invalid='ignore'):
        iou, accuracy = hits / (annotated + confusion.sum(0) - hits), hits / annotated
    return dict(mIoU=float(np.nanmean(iou)), mAcc=float(np.nanmean(accuracy)), **dict(zip(classes, iou.tolist())))


def main_names(found: Mapping[str, float]) -> list[str]:
    """Return the names of the scores that sum up a detection or a segmentation."""
    return [name for name in ('mAP_50', 'mAP', 'mIoU') if name in found]


def paired(rows: Mapping[str, Sequence[Sequence[Image]]], classes: Sequence[str]) -> dict[str, Score]:
    """Return the main score of each row, the mean over its runs, for differences on the same images.

    Args:
        rows: Images of each run of a row, by its name.
        classes: Names of the classes.

    Raises:
        UserError: Rows are of other images or annotations, or have no score.
    """
    first = next(iter(rows.values()))[0]
    for name, runs in rows.items():
        for run in runs:
            check_same(name, run, first)
    main = main_names(scores(first, classes))[0]
    if np.isnan(scores(first, classes)[main]):
        raise UserError(f'There is no {main}: nothing of the classes {", ".join(classes)} is annotated in the '
                        f'{len(first)} images.')
    return {name: jackknife(lambda some: float(np.mean([scores(run, classes)[main] for run in zip(*some)])),
                            list(zip(*runs)), GROUPS) for name, runs in rows.items()}


def check_same(name: str, images: Sequence[Image], first: Sequence[Image]) -> None:
    """Raise a UserError where a row was not tested on the images and annotations of the first one."""
    if isinstance(images[0].truth, np.ndarray) != isinstance(first[0].truth, np.ndarray):
        raise UserError(f'{name} and the first row have no score in common: one finds boxes, the other makes maps.')
    pairs = list(zip(images, first))
    others = [image.stem for image, other in pairs if image.stem != other.stem or not _same_file(image, other)]
    if others or len(images) != len(first):
        where = f', the first {others[0]}' if others else f' ({len(images)} and {len(first)})'
        raise UserError(f'{name} was tested on other images than the first row{where}, so that there is no difference '
                        'on the same images.')
    others = [image.stem for image, other in pairs if not _same_truth(image.truth, other.truth)]
    if others:
        raise UserError(f'{name} was tested by other annotations than the first row in {len(others)} of {len(images)} '
                        f'images, the first {others[0]}: test both on one set of annotations.')


def difference_table(found: Mapping[str, Score]) -> list[list[str]]:
    """Return a table of each row minus each other one, in hundredths, with standard errors on the same images."""
    def cell(score: Score, other: Score) -> str:
        gap = score.minus(other)
        return '' if score is other else f'{100 * gap.value:+.1f} +- {100 * gap.error:.1f}'

    return [['row minus column, points', *found],
            *([name, *(cell(score, other) for other in found.values())] for name, score in found.items())]


def grouped(images: Iterable[Image], pattern: str) -> list[Image]:
    """Return the images whose stem fits a pattern."""
    return [image for image in images if fnmatchcase(image.stem, pattern)]


def _same_file(image: Image, other: Image) -> bool:
    """Return whether two images are one file, or files of the same content."""
    return Path(image.file).resolve() == Path(other.file).resolve() or filecmp.cmp(image.file, other.file, False)


def _same_truth(truth: Any, other: Any) -> bool:
    """Return whether maps, or boxes in any order, are the same; files of boxes are rounded, to 0.01 pixels or less."""
    if isinstance(truth, np.ndarray):
        return np.array_equal(truth, other)
    left = list(other)
    for box in truth:
        same = [candidate for candidate in left if candidate['category_id'] == box['category_id']
                and np.allclose(candidate['bbox'], box['bbox'], rtol=0, atol=0.01)]
        if not same:
            return False
        left.remove(same[0])
    return not left


def _ap(precision: np.ndarray) -> float:
    """Return the mean of the precisions that there are; -1 stands for those without an annotated box."""
    there = precision[precision > -1]
    return float(there.mean()) if there.size else float('nan')


def _boxes(infos: Sequence[dict], found: Path) -> list[Image]:
    by_image: dict[int, list[dict]] = {info['img_id']: [] for info in infos}
    for box in json.loads(Path(f'{found}.bbox.json').read_text()):
        by_image[box['image_id']].append(box)
    return [Image(get_stem(info['img_path']), [_annotated(box) for box in info['instances']], by_image[info['img_id']],
                  info['img_path'])
            for info in infos]


def _annotated(box: dict) -> dict:
    x1, y1, x2, y2 = box['bbox']
    return dict(bbox=[x1, y1, x2 - x1, y2 - y1], category_id=box['bbox_label'])


def _maps(infos: Sequence[dict], found: Path) -> list[Image]:
    load = LoadSegMap()
    stems = [get_stem(info['img_path']) for info in infos]
    return [Image(stem, load(dict(info))['gt_seg_map'],
                  load(dict(seg_map_path=str(found / f'{stem}.png')))['gt_seg_map'], info['img_path'])
            for stem, info in zip(stems, infos)]
