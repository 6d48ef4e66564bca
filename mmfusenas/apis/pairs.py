"""Which images to run on: the pairs that two files, folders or lists make."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine import fileio

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.datasets.pairing import Pair, get_stem, list_images, pair_sources
from mmfusenas.datasets.problems import Problem, raise_errors

MISSING = ('error', 'fallback')
"""What may be done where an image of a pair is missing."""
_ALONE = 'image without a partner'


def input_pairs(visible: str | Path, infrared: str | Path, missing: str = 'error') -> list[Pair]:
    """Return the pairs of two files, two folders, or two ``.txt`` lists of one path a line.

    Folders are paired by equal stems; where none is equal, by the longest common leading part (``001_vi``, ``001_ir``).
    Lists are paired line by line. Results are named after the visible stems, so these have to differ.

    Args:
        visible: File, folder or list of the visible images.
        infrared: The same of the infrared ones.
        missing: ``'fallback'`` also returns the images without a partner, with None in its place, where a folder or a
            file is missing too, and files of a list that are not there. Defaults to 'error'.

    Raises:
        ValueError: ``missing`` is another word.
        FileNotFoundError: ``visible`` or ``infrared`` does not exist.
        DatasetError: Missing or ambiguous partners, lists of different length, missing files, equal stems, or no
            image at all; with the first cases of each.

    Example:
        >>> for name in ('scene_vi.png', 'scene_ir.png'):
        ...     Path(name).touch()
        >>> input_pairs('scene_vi.png', 'scene_ir.png')
        [Pair(stem='scene_vi', visible='scene_vi.png', infrared='scene_ir.png')]
    """
    if missing not in MISSING:
        raise InputError(f'input_pairs got missing={missing!r}; it knows {" and ".join(map(repr, MISSING))}.')
    if missing == 'fallback':
        pairs, problems = _pairs_with_gaps(str(visible), str(infrared))
    else:
        for source in (visible, infrared):
            if not fileio.exists(str(source)):
                raise FileError(f'{source} does not exist (working directory {Path.cwd()}): give an image, a folder of '
                                'images, or a .txt list of one path a line.')
        pairs, problems = pair_sources(str(visible), str(infrared))
        problems = [*problems, *_missing_files(pairs)]
    raise_errors([*problems, *_equal_stems(pairs)], f'The pairing of {visible} with {infrared}',
                 advice='Equal file names in both folders, or two .txt lists of one path a line, make pairs.')
    return pairs


def input_images(source: str | Path) -> list[Pair]:
    """Return the images of a file, a folder, or a ``.txt`` list of one path a line, for systems of one sensor.

    Args:
        source: File, folder or list. Results are named after the stems, so these have to differ.

    Raises:
        FileNotFoundError: ``source`` does not exist.
        DatasetError: Missing files, equal stems, or no image at all; with the first cases of each.

    Example:
        >>> Path('dark.png').touch()
        >>> input_images('dark.png')
        [Pair(stem='dark', visible='dark.png', infrared=None)]
    """
    pairs = [Pair(get_stem(path), path) for path in list_images(str(source))]
    problems = [] if pairs else [Problem('error', 'no images', str(source), 'there is no image here')]
    raise_errors([*problems, *_missing_files(pairs), *_equal_stems(pairs)], f'The input {source}',
                 advice='Give an image, a folder of images, or a .txt list of one path a line.')
    return pairs


def _pairs_with_gaps(visible: str, infrared: str) -> tuple[list[Pair], list[Problem]]:
    """Return the pairs of two sources and the images of one alone, and what is wrong but for that."""
    first, second = (list_images(source) if fileio.exists(source) else [] for source in (visible, infrared))
    if not first or not second:
        problems = [] if first or second else [Problem('error', 'no images', visible, f'nor in {infrared}')]
        return [*(Pair(get_stem(path), path) for path in first),
                *(Pair(get_stem(path), None, path) for path in second)], problems
    pairs, problems = pair_sources(visible, infrared)
    for path in (problem.where for problem in problems if problem.kind == _ALONE):
        pairs.append(Pair(get_stem(path), path) if path in first else Pair(get_stem(path), None, path))
    return pairs, [problem for problem in problems if problem.kind != _ALONE]


def _missing_files(pairs: Sequence[Pair]) -> list[Problem]:
    return [Problem('error', 'missing file', path, 'listed, but there is no such file')
            for pair in pairs for path in pair.paths if not fileio.exists(path)]


def _equal_stems(pairs: Sequence[Pair]) -> list[Problem]:
    seen: dict[str, str] = {}
    problems = []
    for pair in pairs:
        path = pair.paths[0]
        if pair.stem in seen:
            problems.append(Problem('error', 'equal stems', path,
                                    f'its result would overwrite that of {seen[pair.stem]}; run them into two folders'))
        seen.setdefault(pair.stem, path)
    return problems
