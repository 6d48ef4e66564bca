"""The COCO layout of images and pairs, as plain functions: what the converter writes, ``CocoPairDataset`` reads.

::

    ROOT/visible/STEM.png
    ROOT/infrared/STEM.png      of pairs
    ROOT/aligned/STEM.png       where the infrared image is not in register, and there is one that is
    ROOT/reference/STEM.png     where there is a clean image to compare with
    ROOT/annotations/train.json, val.json, test.json
"""
from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine import fileio

from mmfusenas.core.files import atomic_write
from mmfusenas.datasets.images import write_image
from mmfusenas.datasets.pairing import PATHS
from mmfusenas.datasets.problems import DatasetError, Problem
from mmfusenas.datasets.transforms.pack_pair import get_role

FILE_NAMES = dict(img='file_name', infrared='file_name_infrared', aligned='file_name_aligned',
                  target='file_name_target', reference='file_name_reference')
"""Keys of ``images`` that name an image below its folder; those beside the first only where they differ from it."""

OLD_FILE_NAMES = dict(file_name2='file_name_infrared', file_name2_aligned='file_name_aligned',
                      file_name_gt='file_name_reference')
"""Their names before, which go with the next release."""


def _is_number(value: Any) -> bool:
    # JSON holds whole numbers that no float can.
    return type(value) is float or (type(value) is int and abs(value) < 2 ** 53)


def _is_id(value: Any) -> bool:
    return type(value) in (int, str)


def _is_side(value: Any) -> bool:
    return _is_number(value) and value >= 1 and value == int(value)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _is_flag(value: Any) -> bool:
    return value in (0, 1) and isinstance(value, (int, float))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ''


def _is_file(value: Any) -> bool:
    return _is_name(value) and not value.startswith('/') and '..' not in value.split('/')


_ID = (_is_id, 'a whole number')
_NAME = (_is_name, 'text')
_FILE = (_is_file, 'text, a path below the folder of its images without ..')
_SIDE = (_is_side, 'a whole number from 1 on')
_OPTIONAL: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = dict(
    images=dict.fromkeys([*FILE_NAMES.values(), *OLD_FILE_NAMES], _FILE),
    annotations=dict(area=(_is_number, 'a number'), iscrowd=(_is_flag, '0 or 1'), ignore=(_is_flag, '0 or 1')),
    categories={})
_FIELDS: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = dict(
    images=dict(id=_ID, file_name=_FILE, height=_SIDE, width=_SIDE),
    annotations=dict(id=_ID, image_id=_ID, category_id=_ID, bbox=(_is_box, 'four numbers, [x, y, width, height]')),
    categories=dict(id=_ID, name=_NAME))
"""What the entries of a COCO file have to hold, each with a test of its value and with that in words."""


def check_coco(content: Any, path: str) -> list[Problem]:
    """Return what is wrong with a COCO file of boxes: fields that are missing or of another type, ids that occur twice
    or that there are not.

    Args:
        content: Of the file.
        path: Its path, for the messages.

    Example:
        >>> check_coco(dict(images=[], annotations=[], categories=[dict(id=0, name='car')] * 2), 'x.json')[0].message
        '2 entries have the id 0; give each its own'
    """
    if not isinstance(content, Mapping):
        message = f'holds {_shown(content)}; a COCO file is an object with images, annotations and categories'
        return [Problem('error', 'malformed file', path, message)]
    problems = [problem for part in _FIELDS for problem in _check_fields(content.get(part), part, path)]
    if problems:
        return problems
    keys = dict(images=('id', ), annotations=('id', ), categories=('id', 'name'))
    problems = [problem for part in _FIELDS for key in keys[part] for problem in _twice(content[part], part, key, path)]
    for key, part in (('image_id', 'images'), ('category_id', 'categories')):
        known = {entry['id'] for entry in content[part]}
        problems += [
            Problem('error', f'unknown {key}', f'{path}, annotation {entry["id"]}',
                    f'its {key} is {entry[key]!r}, and no entry of {part} has that id')
            for entry in content['annotations'] if entry[key] not in known]
    return problems


def _check_fields(entries: Any, part: str, path: str) -> list[Problem]:
    """Return what is wrong with the types of a part of a COCO file."""
    if not isinstance(entries, list):
        found = 'missing' if entries is None else _shown(entries)
        message = f'{part} is {found}; it has to be a list, an empty one where there are none'
        return [Problem('error', 'malformed file', path, message)]
    problems = []
    for number, entry in enumerate(entries):
        where = f'{path}, {part}[{number}]'
        if not isinstance(entry, Mapping):
            problems.append(Problem('error', 'malformed entry', where, f'is {_shown(entry)}, not an object'))
            continue
        optional = {key: wanted for key, wanted in _OPTIONAL[part].items() if key in entry}
        for key, (fits, wanted) in (_FIELDS[part] | optional).items():
            if not fits(entry.get(key)):
                found = _shown(entry[key]) if key in entry else 'missing'
                problems.append(Problem('error', 'malformed entry', where, f'{key} is {found}; it has to be {wanted}'))
    return problems


def _twice(entries: Sequence[Mapping], part: str, key: str, path: str) -> list[Problem]:
    counts = Counter(entry[key] for entry in entries)
    return [Problem('error', f'{key} twice', f'{path}, {part}', f'{count} entries have the {key} {value!r}; give each '
                    'its own') for value, count in counts.items() if count > 1]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:60]}...'


def coco_entry(info: Mapping, names: Mapping[str, str], annotations: list[dict]) -> dict:
    """Return the entry of ``images`` for a sample, and add its boxes to ``annotations``.

    Args:
        info: As of :meth:`PairDataset.scan`.
        names: File names below the folders, by key of ``FILE_NAMES``.
        annotations: Boxes so far; their ids count from 1.
    """
    for item in info.get('instances', ()):
        x1, y1, x2, y2 = item['bbox']
        width, height = x2 - x1, y2 - y1
        annotations.append(dict(
            id=len(annotations) + 1, image_id=info['img_id'], category_id=item['bbox_label'],
            bbox=[x1, y1, width, height], area=width * height, iscrowd=item['ignore_flag'],
            **({'segmentation': item['mask']} if 'mask' in item else {})))
    differing = {FILE_NAMES[key]: name for key, name in names.items() if key == 'img' or name != names['img']}
    return dict(id=info['img_id'], height=info['height'], width=info['width'], **differing)


def write_coco(root: str | Path, name: str, infos: Sequence[Mapping], classes: Sequence[str], link: bool) -> Path:
    """Write a data set in the layout above; each file appears complete or not at all, the annotations last.

    Args:
        root: Folder of the layout; other sets in it stay.
        name: Name of the annotation file, such as ``train``.
        infos: Samples, as of :meth:`PairDataset.scan`.
        classes: Class names, in the order of their numbers.
        link: Whether to link the images rather than to copy them.

    Returns:
        The annotation file.

    Raises:
        DatasetError: Another image of the same name is there.
    """
    root = Path(root)
    images: list[dict] = []
    annotations: list[dict] = []
    for info in infos:
        names = {key: place_image(info, key, root / get_role(key, info), link)
                 for key, path in PATHS.items() if path in info}
        images.append(coco_entry(info, names, annotations))
    categories = [dict(id=number, name=name) for number, name in enumerate(classes)]
    path = root / 'annotations' / f'{name}.json'
    with atomic_write(path) as partial:
        fileio.dump(dict(images=images, annotations=annotations, categories=categories), partial, file_format='json')
    return path


def place_image(info: Mapping, key: str, folder: Path, link: bool) -> str:
    """Link, copy or (where it is drawn and not read) save an image into ``folder``; return its name there."""
    source = info[PATHS[key]]
    drawn = key in info
    # A drawn image has a path of its own only with its folders, which name the set.
    target = folder / (source.replace('/', '-') + '.png' if drawn else Path(source).name)
    with atomic_write(target, flush=False) as beside:
        beside.unlink(missing_ok=True)
        if drawn:
            write_image(beside, info[key])
        elif link:
            beside.symlink_to(Path(source).resolve())
        else:
            shutil.copyfile(source, beside)
        if target.exists() and target.read_bytes() != beside.read_bytes():
            raise DatasetError(f'{target} is there already and another image than {source}; choose another --out.')
    return target.name
