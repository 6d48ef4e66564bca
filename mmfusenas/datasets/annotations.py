"""Reading boxes from annotation files, as plain functions."""
from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mmfusenas.core.names import nearest
from mmfusenas.datasets.problems import Problem

Size = tuple[int, int]

BOX_PROBLEMS = ('malformed box', 'box without area', 'box outside the image')
"""Errors that ``bad_boxes='drop'`` forgives: the box is left out."""

_REMEDY = "correct or remove it, or set bad_boxes='drop'"


class RawBox(NamedTuple):
    """A box as it stands in the file.

    Attributes:
        name: Class name.
        bbox: x1, y1, x2, y2 in pixels from the top left corner; x2 and y2 lie outside.
        where: File and line, object number (VOC) or annotation id (COCO).
        ignore: Whether it is left out of training and scoring (VOC's ``difficult``, COCO's ``iscrowd``).
    """

    name: str
    bbox: tuple[float, float, float, float]
    where: str
    ignore: bool = False


class Annotation(NamedTuple):
    """What a file says about one image: its (height, width), its boxes, and what is wrong with them."""

    size: Size
    boxes: list[RawBox]
    problems: list[Problem]


def unknown_class(name: str, names: Sequence[str]) -> str:
    """Say that a class name is unknown, with the nearest one that is not."""
    return (
        f'unknown class {name!r}{nearest(name, names)} (known: {list(names)}). Correct it, or add it to '
        'metainfo=dict(names=...), which holds every name that the files use; classes holds those to be detected.'
    )


def read_yolo(text: str, path: str, names: Sequence[str], size_of: Callable[[], Size]) -> Annotation:
    """Read lines of ``class cx cy w h``, in fractions of the image's width and height.

    Args:
        text: Content of the file; an empty one is an image without objects.
        path: Its path, for the messages.
        names: Class names in the order of their numbers.
        size_of: Returns the image's (height, width).
    """
    size = size_of()
    boxes, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f'{path}, line {number}'
        try:
            index, cx, cy, w, h = (float(word) for word in line.split())
        except ValueError:
            message = f'{line.strip()!r} is not of the form "class cx cy w h"'
            problems.append(Problem('error', 'malformed box', where, message))
            continue
        if index not in range(len(names)):
            message = f'class number {index:g}; the known ones are 0 to {len(names) - 1}: {list(names)}'
            problems.append(Problem('error', 'unknown class', where, message))
            continue
        bbox = tuple(
            (centre + sign * side / 2) * length
            for sign in (-1, 1) for centre, side, length in ((cx, w, size[1]), (cy, h, size[0]))
        )
        boxes.append(RawBox(names[int(index)], bbox, where))
    return Annotation(size, boxes, problems)


def read_voc(
    text: str, path: str, names: Sequence[str], size_of: Callable[[], Size], one_based: bool = False
) -> Annotation:
    """Read a Pascal VOC file.

    Args:
        text: Content of the file.
        path: Its path, for the messages.
        names: Every class name that may occur.
        size_of: Returns the image's (height, width), which the file's has to be where it states one.
        one_based: Whether the first pixel is number 1, as in Pascal VOC itself; the pair data sets count from 0.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return Annotation(size_of(), [], [Problem('error', 'malformed file', path, f'not XML: {error}')])
    size, boxes = size_of(), []
    problems = _check_voc_size(root, size, path)
    for number, item in enumerate(root.findall('object'), 1):
        where = f'{path}, object {number}'
        name = (item.findtext('name') or '').strip()
        try:
            corners = [float(item.findtext(f'bndbox/{key}')) for key in ('xmin', 'ymin', 'xmax', 'ymax')]
        except (TypeError, ValueError):
            message = 'bndbox needs the numbers xmin, ymin, xmax and ymax'
            problems.append(Problem('error', 'malformed box', where, message))
            continue
        if name not in names:
            problems.append(Problem('error', 'unknown class', where, unknown_class(name, names)))
            continue
        if one_based:
            corners = [corners[0] - 1, corners[1] - 1, *corners[2:]]
        boxes.append(RawBox(name, tuple(corners), where, (item.findtext('difficult') or '0').strip() == '1'))
    return Annotation(size, boxes, problems)


def _check_voc_size(root: ElementTree.Element, size: Size, path: str) -> list[Problem]:
    """Return what is wrong with the size that a VOC file states; files that leave it out, or at 0, state none."""
    words = [(root.findtext(f'size/{key}') or '0').strip() for key in ('height', 'width')]
    try:
        said = tuple(int(float(word)) for word in words)
    except (ValueError, OverflowError):
        message = f'its size has the height {words[0]!r} and the width {words[1]!r}; both are whole numbers of pixels'
        return [Problem('error', 'malformed file', path, message)]
    return check_size(said, size, path) if all(said) else []


def read_darkface(text: str, path: str, names: Sequence[str], size_of: Callable[[], Size]) -> Annotation:
    """Read DARK FACE's files: the number of faces, then a line of ``x1 y1 x2 y2`` in pixels for each.

    Args:
        text: Content of the file.
        path: Its path, for the messages.
        names: The one class name.
        size_of: Returns the image's (height, width).
    """
    size = size_of()
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or len(lines[0][1]) != 1 or not lines[0][1][0].isdigit():
        found = repr(' '.join(lines[0][1])) if lines else 'nothing'
        message = f'the first line is to be the number of faces, got {found}'
        return Annotation(size, [], [Problem('error', 'malformed file', path, message)])
    boxes, problems = [], []
    for number, words in lines[1:]:
        where = f'{path}, line {number}'
        try:
            x1, y1, x2, y2 = map(float, words)
        except ValueError:
            message = f'{" ".join(words)!r} is not of the form "x1 y1 x2 y2"'
            problems.append(Problem('error', 'malformed box', where, message))
            continue
        boxes.append(RawBox(names[0], (x1, y1, x2, y2), where))
    said, found = int(lines[0][1][0]), len(lines) - 1
    if said != found:
        message = f'its first line says {said} faces, and {found} lines follow; is it cut off?'
        problems.append(Problem('error', 'malformed file', path, message))
    return Annotation(size, boxes, problems)


def read_bbgt(text: str, path: str, names: Sequence[str], size_of: Callable[[], Size]) -> Annotation:
    """Read bbGt files, version 3, of Piotr Dollar's toolbox: ``class left top width height ...`` in pixels a line.

    Of the numbers that follow (occluded, visible part, ignored, angle) the one of ignored boxes is read.

    Args:
        text: Content of the file; lines that begin with % are passed over.
        path: Its path, for the messages.
        names: Every class name that may occur.
        size_of: Returns the image's (height, width).
    """
    size = size_of()
    boxes, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith('%'):
            continue
        where = f'{path}, line {number}'
        name, *words = line.split()
        try:
            left, top, width, height, *rest = map(float, words)
        except ValueError:
            message = f'{line.strip()!r} is not of the form "class left top width height ..."'
            problems.append(Problem('error', 'malformed box', where, message))
            continue
        if name not in names:
            problems.append(Problem('error', 'unknown class', where, unknown_class(name, names)))
            continue
        boxes.append(RawBox(name, (left, top, left + width, top + height), where, len(rest) > 5 and rest[5] == 1))
    return Annotation(size, boxes, problems)


def check_size(said: Size, size: Size, where: str) -> list[Problem]:
    """Compare the (height, width) that annotations state with the image's: boxes are clipped and scaled by it."""
    if tuple(said) == tuple(size):
        return []
    message = f'annotated as {said[1]} x {said[0]}, but {size[1]} x {size[0]}: the boxes would be misplaced'
    return [Problem('error', 'annotated size is wrong', where, message)]


def clip_box(box: RawBox, size: Size) -> tuple[list[float] | None, Problem | None]:
    """Clip a box to its image, or say why it is none.

    Args:
        box: The box as read.
        size: Height and width of the image.

    Returns:
        x1, y1, x2, y2 and no problem; or those with a warning, where more than a pixel was clipped; or None with an
        error, where nothing of the box lies inside, it has no area, or its corners are exchanged.
    """
    x1, y1, x2, y2 = box.bbox
    shown = f'{box.name} ({x1:.1f}, {y1:.1f}, {x2:.1f}, {y2:.1f})'
    if not all(map(math.isfinite, box.bbox)) or x2 <= x1 or y2 <= y1:
        return None, Problem('error', 'box without area', box.where, f'{shown} has no area; {_REMEDY}')
    height, width = size
    clipped = [max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))]
    if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        message = f'{shown} lies outside the image of {width} x {height}; {_REMEDY}'
        return None, Problem('error', 'box outside the image', box.where, message)
    if max(abs(a - b) for a, b in zip(clipped, box.bbox)) > 1:
        message = f'{shown} reaches over the edge of the image of {width} x {height}; it is clipped'
        return clipped, Problem('warning', 'box over the edge', box.where, message)
    return clipped, None


def place_boxes(annotation: Annotation, classes: tuple[str, ...]) -> tuple[list[dict], list[Problem]]:
    """Turn what a file says into mmdet's instances of ``classes``, clipped to the image."""
    instances, problems = [], list(annotation.problems)
    labels = {name: label for label, name in enumerate(classes)}
    for box in annotation.boxes:
        bbox, problem = clip_box(box, annotation.size)
        if problem:
            problems.append(problem)
        if bbox is not None and box.name in labels:
            instances.append(dict(bbox=bbox, bbox_label=labels[box.name], ignore_flag=int(box.ignore)))
    return instances, problems
