"""Which images belong together: visible and infrared ones, images and their references."""
from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from os import path as osp
from typing import NamedTuple

from mmengine import fileio

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.renamed import RenamedKeys
from mmfusenas.datasets.images import IMAGE_SUFFIXES
from mmfusenas.datasets.problems import Problem

PATHS = dict(img='img_path', infrared='infrared_path', aligned='aligned_path', target='target_path',
             reference='reference_path')
"""Keys of a sample's images, and of their files. ``img`` is the visible image or a guide, under the name that stock
transforms read; the image of a second sensor; the latter in register where it is not itself; what a guide upsamples; a
clean reference."""

OLD_KEYS = dict(img2='infrared', img2_aligned='aligned', gt='reference', img_path2='infrared_path',
                img_path2_aligned='aligned_path', gt_path='reference_path')
"""Their names before, which go with the next release."""


class Sample(RenamedKeys):
    """The results of a pipeline, whose images are found under their old names too."""

    OLD = OLD_KEYS


class GuidedSample(RenamedKeys):
    """Those of guided super-resolution, whose target had the names of a second sensor's image."""

    OLD = {**OLD_KEYS, 'img2': 'target', 'img_path2': 'target_path'}


class Pair(NamedTuple):
    """One pair: the stem of the visible image and both paths; or one image without a partner.

    Where other images are paired, such as guides and targets, the fields are their places: the first and the second.
    """

    stem: str
    visible: str | None
    infrared: str | None = None

    @property
    def paths(self) -> list[str]:
        """The paths that there are."""
        return [path for path in self[1:] if path is not None]


def get_stem(path: str) -> str:
    """Return the file's name without folder and suffix."""
    return osp.splitext(osp.basename(path))[0]


def name_apart(path: str, taken: dict[str, str]) -> str:
    """Return what to call a file made of an image: its stem, behind as many of its folders as tell it from the others.

    Args:
        path: Of the image.
        taken: Names so far, with the paths that have them; the new one is added.

    Example:
        >>> taken = {}
        >>> [name_apart(path, taken) for path in ('x/a/0.png', 'x/b/0.png', 'x/a/0.png')]
        ['0', 'b-0', '0']
    """
    folders = osp.dirname(path).split('/')
    for count in range(len(folders) + 1):
        name = '-'.join([*folders[len(folders) - count:], get_stem(path)])
        if taken.setdefault(name, path) == path:
            return name
    return f'{name}-{osp.splitext(path)[1][1:]}'  # two suffixes in one folder


def read_list(path: str, backend_args: dict | None = None) -> list[str]:
    """Return the lines of a text file that are not empty, without the blanks around them.

    Raises:
        ValueError: The file is not text in UTF-8.
    """
    try:
        lines = fileio.get_text(path, backend_args=backend_args).splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f'The list {path} is not text in UTF-8 ({error}); save it as UTF-8.') from error
    return [line.strip() for line in lines if line.strip()]


def as_folders(value: str | Sequence[str]) -> list[str]:
    """Return what a key of ``data_prefix`` names, a folder or several, as a list."""
    return [value] if isinstance(value, str) else list(value)


def is_list(source: str) -> bool:
    """Return whether a source of images is a list of paths."""
    return source.lower().endswith('.txt')


def list_images(source: str, backend_args: dict | None = None, nested: bool = False) -> list[str]:
    """Return the images of a file, a folder (sorted) or a ``.txt`` list of one path a line (in its order).

    Arrays (``.npy``) count as images. A relative path in a list is looked for beside the list first, then from the
    working directory.

    Args:
        source: File, folder or list.
        backend_args: Arguments of mmengine's file backend.
        nested: Whether images lie in folders of the folder, too.

    Raises:
        FileNotFoundError: ``source`` does not exist.
    """
    if not fileio.exists(source, backend_args=backend_args):
        raise FileError(
            f'{source} does not exist (working directory {os.getcwd()}). Check the path; for a data set, data_root, '
            'which the configs take from the environment (MSRS_ROOT and so on, docs/en/datasets.md).'
        )
    if is_list(source):
        folder = osp.dirname(source)
        beside = [(line, osp.join(folder, line)) for line in read_list(source, backend_args)]
        return [second if fileio.exists(second, backend_args=backend_args) else first for first, second in beside]
    if not fileio.isdir(source, backend_args=backend_args):
        return [source]
    names = fileio.list_dir_or_file(
        source, list_dir=False, recursive=nested, backend_args=backend_args)
    return [osp.join(source, name) for name in sorted(names) if name.lower().endswith((*IMAGE_SUFFIXES, '.npy'))]


def find_samples(
    sources: Mapping[str, str], backend_args: dict | None = None, get_key: Callable[[str], str] = str,
    nested: bool = False,
) -> tuple[list[dict[str, str]], list[Problem]]:
    """Find the samples that sources of images make, one or several, and say what does not fit.

    Args:
        sources: File, folder or ``.txt`` list by key of ``PATHS``. Where there are several, the images of ``img``
            are paired with those of each other, as :func:`pair_sources` does it.
        backend_args: Arguments of mmengine's file backend.
        get_key: Makes of a stem what those of one sample have in common.
        nested: Whether images lie in folders of the folders, too.

    Returns:
        Paths by value of ``PATHS``, a dict a sample, sorted by the key (lists: in their order), and the problems.

    Raises:
        FileNotFoundError: A source does not exist.
    """
    others = [key for key in PATHS if key != 'img' and key in sources]
    if not others:
        paths, problems = _single_images(sources['img'], backend_args, get_key, nested)
        return [{PATHS['img']: path} for path in paths], problems
    columns, problems = [], []
    for key in others:
        pairs, more = pair_sources(sources['img'], sources[key], backend_args, get_key, nested)
        columns.append(pairs)
        problems += more
    # What one of several sources lacks is a problem already, and left out of all.
    kept = set.intersection(*({image for _, image, _ in pairs} for pairs in columns))
    rows = zip(*([paths for _, *paths in pairs if paths[0] in kept] for pairs in columns))
    return [{PATHS['img']: row[0][0], **{PATHS[key]: partner for key, (_, partner) in zip(others, row)}}
            for row in rows], list(dict.fromkeys(problems))


def _single_images(
    source: str, backend_args: dict | None, get_key: Callable[[str], str], nested: bool
) -> tuple[list[str], list[Problem]]:
    paths = list_images(source, backend_args, nested)
    if not paths:
        return [], [Problem('error', 'no images', source, 'no image here')]
    if is_list(source):
        return paths, []
    found, problems = by_key(paths, get_key)
    return [found[key] for key in sorted(found)], problems


def pair_sources(
    visible: str, infrared: str, backend_args: dict | None = None, get_key: Callable[[str], str] = str,
    nested: bool = False,
) -> tuple[list[Pair], list[Problem]]:
    """Pair two files, two lists (line by line) or two folders (by stems), and say what does not fit.

    Folders are paired by equal stems; where none is equal, by the longest common leading part
    (``001_vis.png`` and ``001_ir.png``).

    Args:
        visible: File, folder or ``.txt`` list.
        infrared: The same for the other image.
        backend_args: Arguments of mmengine's file backend.
        get_key: Makes of a stem what those of a pair have in common; ``str`` is the stem itself.
        nested: Whether images lie in folders of the folders, too.

    Returns:
        The pairs, sorted by the visible stem (lists: in their order), and the problems.
    """
    first, second = (list_images(source, backend_args, nested) for source in (visible, infrared))
    if not first and not second:
        return [], [Problem('error', 'no images', visible, f'no image here and none in {infrared}')]
    if is_list(visible) and is_list(infrared):
        return _pair_lines(first, second, visible, infrared)
    if first == [visible] and second == [infrared]:  # two files
        return [Pair(get_stem(first[0]), first[0], second[0])], []
    sides, problems = [], []
    for paths in (first, second):
        found, twice = by_key(paths, get_key)
        sides.append(found)
        problems += twice
    if not set(sides[0]) & set(sides[1]):
        pairs, more = _pair_by_beginning(*sides)
    else:
        pairs, more = _pair_by_stem(*sides, visible, infrared)
    return pairs, problems + more


def _pair_lines(first: Sequence[str], second: Sequence[str], *names: str) -> tuple[list[Pair], list[Problem]]:
    if len(first) != len(second):
        message = f'{len(first)} lines, {names[1]} has {len(second)}; line N of one belongs to line N of the other'
        return [], [Problem('error', 'lists of different length', names[0], message)]
    return [Pair(get_stem(a), a, b) for a, b in zip(first, second)], []


def by_key(paths: Sequence[str], get_key: Callable[[str], str]) -> tuple[dict[str, str], list[Problem]]:
    """Return the paths by the key of their stems, and a problem for each that has the key of an earlier one."""
    found: dict[str, str] = {}
    problems = []
    for path in paths:
        other = found.setdefault(get_key(get_stem(path)), path)
        if other != path:
            problems.append(Problem('error', 'two images of one stem', path, f'{other} has the same; remove one'))
    return found, problems


def _pair_by_stem(
    visible: dict[str, str], infrared: dict[str, str], *names: str
) -> tuple[list[Pair], list[Problem]]:
    pairs = [Pair(stem, visible[stem], infrared[stem]) for stem in sorted(visible) if stem in infrared]
    problems = [
        Problem('error', 'image without a partner', mine[stem], f'no image of the stem {stem!r} in {there}')
        for mine, other, there in ((visible, infrared, names[1]), (infrared, visible, names[0]))
        for stem in sorted(set(mine) - set(other))
    ]
    return pairs, problems


def _pair_by_beginning(visible: dict[str, str], infrared: dict[str, str]) -> tuple[list[Pair], list[Problem]]:
    stems, pairs, problems, taken = sorted(infrared), [], [], {}
    for stem in sorted(visible):
        matches = _longest_beginning(stem, stems)
        if len(matches) != 1 or _cuts_number(stem, matches[0]):
            found = f'begins like {matches[:3]}' if matches else 'begins like none of the other folder'
            problems.append(Problem('error', 'ambiguous pairing', visible[stem], f'{found}; give equal stems'))
        elif matches[0] in taken:
            message = f'begins like {matches[0]!r}, as does {taken[matches[0]]!r}; give equal stems'
            problems.append(Problem('error', 'ambiguous pairing', visible[stem], message))
        else:
            taken[matches[0]] = stem
            pairs.append(Pair(stem, visible[stem], infrared[matches[0]]))
    if not problems:
        problems += [
            Problem('error', 'image without a partner', infrared[stem], 'no image of the other folder begins so')
            for stem in stems if stem not in taken
        ]
    return pairs, problems


def _cuts_number(stem: str, other: str) -> bool:
    """Return whether what two stems share ends inside a number: ``0012_vi`` is no partner of ``0013_ir``."""
    shared = len(osp.commonprefix([stem, other]))
    return stem[:shared][-1:].isdigit() and (stem[shared:][:1].isdigit() or other[shared:][:1].isdigit())


def _longest_beginning(stem: str, others: Sequence[str]) -> list[str]:
    """Return those of the sorted ``others`` that share the longest beginning with ``stem``, at most a few."""

    def shared(other: str) -> int:
        return len(osp.commonprefix([stem, other]))

    place = bisect_left(others, stem)  # what begins alike stands side by side
    near = others[max(place - 2, 0):place + 2]
    longest = max(map(shared, near), default=0)
    return [other for other in near if shared(other) == longest] if longest else []
