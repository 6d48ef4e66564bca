"""Reading published .mat files."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from mmfusenas.core.errors import UserError
from mmfusenas.utils.command_line import existing_file


def read_mat(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name, at least those of ``names``.

    Raises:
        UserError: It is missing, no .mat file, or lacks one of them.
    """
    try:
        content = loadmat(existing_file(path, 'File'))
    except (MatReadError, ValueError, NotImplementedError) as error:
        raise UserError(f'{path} is no .mat file of version 7 or older ({error}).') from error
    missing = [name for name in names if name not in content]
    if missing:
        raise UserError(
            f'{path} lacks {" and ".join(missing)}; it holds {[x for x in content if x[:2] != "__"]}.')
    return content
