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
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine import fileio

from mmfusenas.core.files import atomic_write
from mmfusenas.datasets.images import write_image
from mmfusenas.datasets.pairing import PATHS, role_of
from mmfusenas.datasets.problems import DatasetError

FILE_NAMES = dict(img='file_name', infrared='file_name2', aligned='file_name2_aligned', target='file_name_target',
                  reference='file_name_gt')
"""Keys of ``images`` that name an image below its folder; those beside the first only where they differ from it."""


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
        names = {key: place_image(info, key, root / role_of(key, info), link)
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
