"""Reading published .mat files."""
from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from scipy.io import loadmat, whosmat

from mmfusenas.core.errors import UserError
from mmfusenas.utils.command_line import existing_file

MOST_VALUES = 2**28
"""Values of one array."""


def read_mat(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name, at least those of ``names``.

    Raises:
        UserError: It is missing, no .mat file, or lacks one of them.
    """
    existing_file(path, 'File')
    try:
        shapes = {name: shape for name, shape, _ in whosmat(path)}
        large = [name for name in names if prod(shapes.get(name, ())) > MOST_VALUES]
        if large:
            raise UserError(f'{path} is too large to read: {large[0]} is {shapes[large[0]]}, and arrays have up to '
                            f'{MOST_VALUES:,} values.')
        content = loadmat(path, variable_names=[name for name in names if name in shapes])
    except (UserError, PermissionError):
        raise
    except Exception as error:  # damaged files end in errors of many kinds
        raise UserError(f'{path} is no .mat file of version 7 or older, or damaged ({error}).') from error
    missing = [name for name in names if name not in shapes]
    if missing:
        raise UserError(
            f'{path} lacks {" and ".join(missing)}; it holds {list(shapes)}.')
    return content
