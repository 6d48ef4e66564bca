"""Files that a reader never sees half written."""
from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmfusenas.core.errors import FileNotWrittenError, InputError

PARTIAL_SUFFIX = '.partial'
"""Ending of a file that is still being written; what is left of one after a crash is worthless."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of disks without room."""

DEEPEST = 100
"""Levels of a JSON file; what is read recurses into them."""


@contextmanager
def atomic_write(path: str | os.PathLike, flush: bool = True) -> Iterator[Path]:
    """Give the path of a file to write; at the end of the block it takes the place of ``path``.

    Missing folders are made. Where the block fails, the unfinished file is removed and ``path`` stays what it was.

    Args:
        path: File to write.
        flush: Whether to wait until it is on the disk, as what cannot be made again needs. Defaults to True.

    Raises:
        OSError: Writing failed; of a full disk the message says how much space is left.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / 'results' / 'genotype.json'
        >>> with atomic_write(path) as partial:
        ...     _ = partial.write_text('{}')
        >>> path.read_text()
        '{}'
    """
    path = Path(path)
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if flush:
            _flush(partial)
        os.replace(partial, path)
        if flush:
            _flush(path.parent)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        advice = f' Check that {path.parent} is a folder that you may write to, or name another.'
        if error.errno in _FULL:
            advice = (f' {_free(path):.0f} MB are free there. The files that were there before are untouched; once '
                      'there is room, run the same command again, a training with --resume.')
        raise FileNotWrittenError(
            error.errno, f'{error.strerror or error}: {path} was not written.{advice}') from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write ``text`` beside ``path``, then move it into place; missing folders are made."""
    with atomic_write(path) as partial:
        partial.write_text(text)


def parse_json(content: str | bytes, name: str) -> Any:
    """Return what a JSON file holds.

    Args:
        content: Of the file.
        name: What to call it in the message.

    Raises:
        ValueError: It is cut off, of another kind, not UTF-8, or nested too deeply.

    Example:
        >>> parse_json('{"format": 2', 'table.json')
        Traceback (most recent call last):
        mmfusenas.core.errors.InputError: table.json is not JSON (Expecting ',' delimiter: line 1 column 13 (char 12)).
    """
    try:
        value = json.loads(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f'{name} is not JSON ({error}).') from error
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for node in level if isinstance(node, (dict, list))
                 for inner in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return value
    raise InputError(f'{name} is not JSON of this package: it is nested more than {DEEPEST} deep.')


def remove_partial_files(folder: str | Path) -> list[Path]:
    """Remove what a killed process left half written in ``folder``, and return the paths."""
    leftovers = sorted(Path(folder).glob(f'*{PARTIAL_SUFFIX}'))
    for path in leftovers:
        path.unlink(missing_ok=True)
    return leftovers


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free(path: Path) -> float:
    """Return the free megabytes where ``path`` is to be."""
    return shutil.disk_usage(next(folder for folder in path.absolute().parents if folder.is_dir())).free / 2**20
