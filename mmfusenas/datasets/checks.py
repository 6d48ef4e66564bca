"""Checks of a data set of images or pairs, all of which the check tool runs."""
from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np

from mmfusenas.datasets.annotations import check_size
from mmfusenas.datasets.images import ImageError, read_array, read_image, read_pair
from mmfusenas.datasets.pairing import PATHS, get_stem
from mmfusenas.datasets.problems import Problem
from mmfusenas.datasets.sequences import parse_frame
from mmfusenas.datasets.transforms.load_seg_map import IGNORED, LoadSegMap
from mmfusenas.datasets.transforms.pack_pair import get_role

TINY = 4
"""Boxes narrower or lower than this many pixels are reported."""

_FLAGS = dict(img=cv2.IMREAD_COLOR, infrared=cv2.IMREAD_ANYCOLOR, aligned=cv2.IMREAD_ANYCOLOR,
              target=cv2.IMREAD_ANYCOLOR, reference=cv2.IMREAD_COLOR)


class PairFacts(NamedTuple):
    """What was found in one sample: an image, a pair, or either with a reference.

    Attributes:
        path: Of the visible image.
        problems: What is wrong.
        labels: Class numbers of its boxes; None where the set has no boxes.
        size: Height and width of the visible image; None where it cannot be read.
        depths: Types of its images.
        digest: Digest of the visible file.
        sensors: What its images are: ``visible``, ``infrared``, ``reference``.
    """

    path: str
    problems: list[Problem]
    labels: list[int] | None
    size: tuple[int, int] | None = None
    depths: tuple[str, ...] = ()
    digest: str = ''
    sensors: tuple[str, ...] = ()


def check_pair(info: Mapping, sizes_may_differ: bool = False, classes: Sequence[str] = ()) -> PairFacts:
    """Read the images of a sample, its boxes and its segmentation map, and say what is wrong.

    Args:
        info: As of :meth:`PairDataset.scan`; ``img``, ``infrared`` and ``reference`` instead of files serve too.
        sizes_may_differ: Whether the pipeline brings all to one size.
        classes: Names of the classes that the numbers of a map stand for.
    """
    names = {key: info[path] for key, path in PATHS.items() if path in info}
    labels = [item['bbox_label'] for item in info['instances']] if 'instances' in info else None
    images, problems = _read_images(info, names)
    if problems:
        return PairFacts(names['img'], problems, labels)
    problems += check_sizes(images, names, info, sizes_may_differ)
    for key, image in images.items():
        problems += check_values(image, names[key])
    for key in ('infrared', 'target'):
        if key in images:
            problems += check_infrared_colour(images[key], names[key])
    problems += check_boxes(info.get('instances', ()), names['img'])
    size = images['img'].shape[:2]
    if info.get('seg_map_path'):  # mmdet's sets have the key without a file
        problems += check_seg_map(info, size, classes)
    depths = tuple(str(image.dtype) for image in images.values())
    digest = hashlib.sha1(images['img'].tobytes()).hexdigest()
    roles = tuple(get_role(key, images) for key in images)
    return PairFacts(names['img'], problems, labels, size, depths, digest, roles)


def _read_images(info: Mapping, names: Mapping[str, str]) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Return the images of a sample by key, drawn or read as they are, and those that cannot be read."""
    images, problems = {key: info[key] for key in names if key in info}, []
    try:
        if 'img' not in images and names['img'] == names.get('infrared'):
            images.update(zip(('img', 'infrared'), read_pair(names['img'], names['infrared'])))
    except ImageError:
        pass  # found again below, for each of the two
    for key in [key for key in names if key not in images]:
        try:
            npy = names[key].endswith('.npy')
            images[key] = read_array(names[key]) if npy else read_image(names[key], _FLAGS[key])
        except ImageError as error:
            problems.append(Problem('error', 'unreadable image', names[key], str(error)))
    return {key: images[key] for key in names if key in images}, problems


def check_sizes(
    images: Mapping[str, np.ndarray], names: Mapping[str, str], info: Mapping, sizes_may_differ: bool = False
) -> list[Problem]:
    """Compare the sizes of the images, and the annotated size with the visible one's."""
    problems = []
    h, w = images['img'].shape[:2]
    for key, other in images.items():
        h2, w2 = other.shape[:2]
        if (h, w) != (h2, w2):
            level = 'warning' if sizes_may_differ else 'error'
            remedy = 'set resize in LoadPairFromFile if both show one view'
            message = f'{w} x {h}, and {names[key]} is {w2} x {h2}; {remedy}'
            problems.append(Problem(level, 'sizes differ', names['img'], message))
    said = info.get('height', h), info.get('width', w)
    return problems + check_size(said, (h, w), names['img'])


def check_values(image: np.ndarray, path: str) -> list[Problem]:
    """Look for images of one value, NaN, and files that hold fewer bits than their depth."""
    if image.dtype.kind == 'f' and not np.isfinite(image).all():
        return [Problem('error', 'NaN or infinity', path, 'repair or remove the file')]
    smallest, largest = image.min(), image.max()
    if smallest == largest:
        return [Problem('warning', 'constant image', path, f'every pixel is {smallest}')]
    if image.dtype == np.uint8:
        return []
    if image.dtype.kind == 'f' and (smallest < 0 or largest > 255):
        message = (f'values from {smallest:g} to {largest:g}; a training takes 0 to 255, or the range of bit_depth in '
                   'PairDataPreprocessor. Of temperatures set thermal=dict(limits=(LOW, HIGH)) in LoadPairFromFile')
        return [Problem('warning', 'floating point of another range', path, message)]
    bits = int(largest).bit_length()
    hint = '' if bits >= image.dtype.itemsize * 8 else (
        f', {bits} bits: if no file of this sensor holds more, set bit_depth in PairDataPreprocessor')
    return [Problem('warning', f'{image.dtype} image', path, f'values from {smallest} to {largest}{hint}')]


def check_infrared_colour(image: np.ndarray, path: str) -> list[Problem]:
    """Say where the infrared file is in colour: a false-colour map, or the two folders exchanged."""
    if image.ndim == 2 or image.dtype.kind == 'f' or (image == image[..., :1]).all():
        return []
    spread = float(np.ptp(image.astype(np.float32), axis=2).mean() / np.iinfo(image.dtype).max)
    if spread < 0.02:  # grey, but for the compression
        return []
    message = 'its three channels differ: a false-colour map, or a visible image? It is turned to grey'
    return [Problem('warning', 'infrared image in colour', path, message)]


def check_boxes(instances: Iterable[Mapping], path: str, tiny: float = TINY) -> list[Problem]:
    """Look for tiny boxes, and for two boxes of one class on one place (overlap above 0.95)."""
    boxes = [(instance['bbox_label'], instance['bbox']) for instance in instances]
    problems = [
        Problem('warning', 'tiny box', path, f'{box[2] - box[0]:.1f} x {box[3] - box[1]:.1f} pixels at '
                f'({box[0]:.0f}, {box[1]:.0f})')
        for _, box in boxes if min(box[2] - box[0], box[3] - box[1]) < tiny
    ]
    for (label, box), (other_label, other) in combinations(boxes, 2):
        if label == other_label and overlap(box, other) > 0.95:
            shown = ', '.join(f'{value:.0f}' for value in box)
            problems.append(Problem('warning', 'box twice', path, f'({shown}); remove one'))
    return problems


def check_seg_map(info: Mapping, size: tuple[int, int], classes: Sequence[str]) -> list[Problem]:
    """Look for maps that cannot be read, of another size than the visible image, or with numbers of no class."""
    path = info['seg_map_path']
    try:
        numbers = LoadSegMap()(dict(info, num_classes=None))['gt_seg_map']
    except ImageError as error:
        return [Problem('error', 'unreadable segmentation map', path, str(error))]
    problems = []
    if set(np.unique(numbers)) == {0, IGNORED}:
        message = f'black and white: {IGNORED} is ignored, so nothing but class 0 is learned; set label_map={{255: 1}}'
        problems.append(Problem('warning', 'segmentation map of two values', path, message))
    if numbers.shape != size:
        message = f'{numbers.shape[1]} x {numbers.shape[0]}, and {info["img_path"]} is {size[1]} x {size[0]}'
        problems.append(Problem('error', 'segmentation map of another size', path, message))
    unknown = [int(number) for number in np.unique(numbers) if len(classes) <= number != IGNORED]
    if unknown:
        message = f'{unknown}, and there are {len(classes)} classes; set label_map, or {IGNORED} where it is unknown'
        problems.append(Problem('error', 'number of no class in a segmentation map', path, message))
    return problems


def overlap(box: Sequence[float], other: Sequence[float]) -> float:
    """Return intersection over union of two boxes (x1, y1, x2, y2)."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return width * height / (sum(areas) - width * height)


def check_classes(labels: Iterable[int], classes: Sequence[str], name: str) -> tuple[Counter, list[Problem]]:
    """Count the boxes of each class, and name the classes without any."""
    counts = Counter(classes[label] for label in labels)
    return counts, [
        Problem('warning', 'class without a box', name, f'{unused!r}') for unused in classes if not counts[unused]
    ]


def check_same_images(train: Mapping[str, str], test: Mapping[str, str], names: tuple[str, str]) -> list[Problem]:
    """Look for images that are in both sets.

    Args:
        train: Digest -> path of the images that are trained on.
        test: The same of those that are scored.
        names: What to call the two.
    """
    return [
        Problem('error', f'same image in {names[0]} and {names[1]}', test[digest], f'is {train[digest]}')
        for digest in sorted(set(train) & set(test), key=test.get)
    ]


def check_same_videos(
    train: Iterable[str], test: Iterable[str], names: tuple[str, str], gap: int = 10
) -> list[Problem]:
    """Look for scored frames whose neighbours in the video are trained on.

    Args:
        train: Paths of the visible images that are trained on.
        test: The same of those that are scored.
        names: What to call the two.
        gap: Farthest distance of frame numbers that counts as neighbouring.
    """
    videos: dict[tuple[str, str], dict[int, str]] = {}
    for path in train:
        video, number = parse_frame(get_stem(path))
        videos.setdefault(video, {})[number] = path
    problems = []
    for path in sorted(test):
        video, number = parse_frame(get_stem(path))
        frames = videos.get(video, {})
        near = [frames[n] for step in range(gap + 1) for n in (number - step, number + step) if n in frames]
        if near:
            message = f'{near[0]} is at most {gap} frames away; make_split.py keeps a video on one side'
            problems.append(Problem('warning', f'video in {names[0]} and {names[1]}', path, message))
    return problems
