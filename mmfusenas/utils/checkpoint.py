"""Checkpoints: loading that runs no code, writing that never damages what was there.

After :func:`mmfusenas.utils.safe_loading.use_safe_loading` mmengine loads files through :func:`load_checkpoint`, too.
Of addresses with a scheme (``https://``, ``torchvision://``, ...) see :mod:`mmfusenas.utils.remote_weights`.
"""
from __future__ import annotations

import io
import json
import logging
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log
from mmengine.model import PretrainedInit
from mmengine.optim import OneCycleParamScheduler
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from mmfusenas.core.errors import CodeInFileError, FileError, InputError, InputTypeError, StateError
from mmfusenas.core.files import atomic_write
from mmfusenas.utils.weights import weights_file

_METHODS = {
    HistoryBuffer: ('min', 'max', 'current', 'mean'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
}

BUNDLED = 'mmfusenas://'
"""What the name of bundled weights begins with, where a file name is asked for."""


def load_checkpoint(filename: str | Path, map_location: Any = 'cpu') -> Any:
    """Load a checkpoint file without running code from it.

    Tensors, plain Python values, and what stock mmengine files hold besides (NumPy numbers and arrays, log histories)
    are read. Anything else in a file is refused. Its config as Python text (``meta['config']`` of old OpenMMLab files),
    which mmengine would run on ``--resume``, is left out.

    Args:
        filename: Path of the file; ``~`` is expanded.
        map_location: As for ``torch.load``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, cut off or not a checkpoint, such as a bare tensor.
        pickle.UnpicklingError: The file carries code.

    Example:
        >>> torch.save(dict(state_dict=dict(weight=torch.ones(2))), 'epoch_12.pth')
        >>> load_checkpoint('epoch_12.pth')['state_dict']['weight'].tolist()
        [1.0, 1.0]
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileError(f'There is no checkpoint file {path} (working directory: {Path.cwd()}).')
    try:
        with safe_globals(_known_types()):
            content = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refusal(path, error) from None
    except (torch.OutOfMemoryError, PermissionError):
        raise
    except Exception as error:  # damaged files end in errors of many kinds
        raise _unreadable(path, error) from error
    if not isinstance(content, dict):
        raise InputError(f'{path} holds a {type(content).__name__}; a checkpoint is a dict, of weights by name or with '
                         'them as state_dict. Fetch the file again, or give another one.')
    meta = content.get('meta')
    if 'state_dict' in content and not isinstance(meta, (dict, NoneType)):
        raise InputError(f'The checkpoint {path} is damaged: its meta is a {type(meta).__name__} where a dict is '
                         'expected. Take another one of its folder, or fetch it again.')
    if isinstance(meta, dict) and meta.pop('config', None) is not None:
        print_log(f'The checkpoint {path} holds a config as Python text (meta.config), which is not run.', 'current',
                  logging.WARNING)
    return content


def latest_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the checkpoint that ``last_checkpoint`` of a work dir names, None where there is no such file.

    It names it from the work dir on, so that a copy of the folder goes on from its own checkpoints. Of a whole path, as
    MMEngine writes it, the file of that name beside it comes first.
    """
    pointer = Path(work_dir, 'last_checkpoint')
    if not pointer.is_file():
        return None
    named = Path(pointer.read_text().strip())
    beside = Path(work_dir, named.name)
    return beside if named.is_absolute() and beside.is_file() else Path(work_dir, named)


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Load for mmengine's ``CheckpointLoader``, which prints the part of this name behind ``load_from_``."""
    return load_checkpoint(filename, map_location)


def load_from_bundled(filename: str, map_location: Any = None) -> Any:
    """Load the weights that ship with the package: ``'mmfusenas://tim-light'`` is ``weights/tim-light.pth``.

    For ``init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')``.
    """
    return load_checkpoint(weights_file(filename.removeprefix(BUNDLED)), map_location)


LEAST_SHARE = 0.5
"""Of a module's numbers that weights have to fill, by name and shape: another genotype or width fills less."""


class CheckedPretrainedInit(PretrainedInit):
    """mmengine's ``Pretrained`` initialisation, for weights of which at least half of the module can be filled.

    Another genotype, another width and a forgotten ``prefix`` fill less; a head of another number of classes does not
    matter.

    Raises:
        ValueError: If fewer than half of the module's numbers are in the file by name and shape.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load, once it is known to fit."""
        content = CheckpointLoader.load_checkpoint(self.checkpoint, self.map_location)
        prefix = f'{self.prefix.rstrip(".")}.' if self.prefix else ''
        weights = {name.removeprefix(prefix): value for name, value in extract_weights(content, self.checkpoint).items()
                   if name.startswith(prefix)}
        share = fitting_share(module, weights)
        if share < LEAST_SHARE:
            raise InputError(
                f'The weights of {self.checkpoint} fill only {share:.0%} of {type(module).__name__} by name and shape. '
                'Another genotype or width shows like this; set the ones of the checkpoint, or init_cfg=None to begin '
                "without weights; for a part of a model, dict(type='Pretrained', checkpoint=..., prefix='scene.').")
        super().__call__(module)


def extract_weights(content: Any, source: str | Path) -> dict[str, Tensor]:
    """Return the weights of a loaded checkpoint by name, without what a wrapper of distributed training adds to it.

    Args:
        content: Of the file: a checkpoint with ``state_dict``, or a state dict.
        source: The file, for the message.

    Raises:
        ValueError: If there are no weights in it.
    """
    weights = content.get('state_dict', content) if isinstance(content, Mapping) else None
    if not isinstance(weights, Mapping) or not weights or not all(
            isinstance(name, str) and isinstance(value, Tensor) and value.layout is torch.strided and not value.is_meta
            for name, value in weights.items()):
        raise InputError(f'{source} holds no state dict: a dict of dense tensors by name is expected.')
    return {name.removeprefix('module.'): value for name, value in weights.items()}


def misfits(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """Return in words which tensors of a file do not fit a model's state dict, the first of each kind; '' where all do.

    Example:
        >>> misfits(dict(a=torch.zeros(2), b=torch.zeros(1)), dict(a=torch.zeros(3)))
        '1 unknown to the model (b); 1 of another shape (a (2,) for (3,))'
    """
    problems = {
        'missing in the file': [key for key in own if key not in weights],
        'unknown to the model': [key for key in weights if key not in own],
        'of another shape': [f'{key} {tuple(weights[key].shape)} for {tuple(own[key].shape)}'
                             for key in own if key in weights and weights[key].shape != own[key].shape],
    }
    return '; '.join(f'{len(keys)} {what} ({", ".join(keys[:3])}{", ..." if len(keys) > 3 else ""})'
                     for what, keys in problems.items() if keys)


def fitting_share(module: nn.Module, weights: Mapping[str, Tensor]) -> float:
    """Return which share of a module's numbers is among ``weights``, by name and shape.

    Example:
        >>> fitting_share(nn.Linear(3, 1), dict(weight=torch.zeros(1, 3)))
        0.75
    """
    own = module.state_dict()
    fitting = sum(value.numel() for name, value in own.items()
                  if name in weights and weights[name].shape == value.shape)
    return fitting / max(1, sum(value.numel() for value in own.values()))


def save_checkpoint(checkpoint: dict, filename: str | Path, compress: bool = False) -> None:
    """Write a checkpoint so that a file of that name is at all times either the old one or the new one, complete.

    Args:
        checkpoint: Tensors and plain Python values.
        filename: Path of the file. Its folder is made where it is missing.
        compress: Whether to compress the file, which takes a tenth off weights. ``torch.load`` reads it as well, but
            not with ``mmap``. Defaults to False.

    Raises:
        TypeError: Something in ``checkpoint`` could not be loaded again without running code.
        OSError: The file could not be written, for instance because the disk is full.
    """
    with atomic_write(filename) as partial:
        # By way of memory: writing to a full disk itself, torch ends in a RuntimeError about positions.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        if compress:
            buffer = _compressed(buffer)
        partial.write_bytes(buffer.getbuffer())
        check_plain(partial)


def _compressed(archive: io.BytesIO) -> io.BytesIO:
    """Return a zip archive with its records compressed, and without times: equal contents make equal files."""
    smaller = io.BytesIO()
    with ZipFile(archive) as source, ZipFile(smaller, 'w') as target:
        for record in source.infolist():
            target.writestr(ZipInfo(record.filename), source.read(record), ZIP_DEFLATED, 9)
    return smaller


def check_plain(path: str | Path) -> None:
    """Raise a TypeError where a checkpoint holds what ``torch.load(weights_only=True)`` would refuse.

    Only the file's index is read, not its tensors.
    """
    foreign = get_unsafe_globals_in_checkpoint(str(path))
    if foreign:
        raise InputTypeError(
            'A checkpoint may hold tensors, numbers, text, lists, tuples and dicts; this one was given '
            f'{", ".join(foreign)}, and was not written. Look for it in before_save_checkpoint of the hooks in use.')


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array as ``.npy``, moved into place whole; its folder is made."""
    with atomic_write(path) as partial, open(partial, 'wb') as file:
        np.save(file, array)


def _known_types() -> list[Any]:
    """Types of stock mmengine and mmdet checkpoints that hold data only, under the names old and new files use."""
    number, rebuild = np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0]
    known: list[Any] = [*_METHODS, np.ndarray, np.dtype, (_known_method, 'builtins.getattr')]
    kinds = ('?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'U1')
    known += [type(np.dtype(kind)) for kind in kinds]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        known += [(number, f'{module}.scalar'), (rebuild, f'{module}._reconstruct')]
    return known


def _known_method(owner: type, name: str) -> Callable:
    """Stand in for ``getattr``, by which some objects of mmengine name functions of their own. It reaches no others."""
    if name in _METHODS.get(owner, ()):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'GLOBAL builtins.getattr of {name}')


def _refusal(path: Path, error: pickle.UnpicklingError) -> Exception:
    found = re.findall(r'GLOBAL ([\w.]+)', str(error))
    if not found:
        return _unreadable(path, error)
    return CodeInFileError(
        f'The checkpoint {path} carries code ({", ".join(dict.fromkeys(found))}) and was not loaded. Ask its author '
        'for the weights alone. Only where you trust where it came from, make a file of them yourself: python -c '
        f'"import torch; torch.save(torch.load(\'{path}\', weights_only=False)[\'state_dict\'], \'weights.pth\')"')


def _unreadable(path: Path, error: Exception) -> InputError:
    size = path.stat().st_size
    reason = 'it is empty' if size == 0 else f'it is damaged, cut off, or no checkpoint ({size} bytes)'
    detail = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
    return InputError(f'The checkpoint {path} cannot be read: {reason}. Take another one of its folder, or fetch it '
                      f'again. [{detail[:200]}]')


def require_same(then: Mapping[str, Any], now: Mapping[str, Any], what: str, otherwise: str) -> None:
    """Raise a RuntimeError where a checkpoint cannot be continued exactly.

    Args:
        then: What the checkpoint says of its run.
        now: The same of the run that is to continue it.
        what: What differs, for the message, ``'its data differ'``.
        otherwise: What to do where the difference is meant.
    """
    changed = differences(then, now)
    if changed:
        raise StateError(f'This run cannot continue the checkpoint, {what} ({changed}). Set them back to continue '
                         f'exactly, or {otherwise}.')


def plain(value: Any) -> Any:
    """Return a part of a config as a checkpoint holds it: plain values, tuples as lists, others by their text."""
    return json.loads(json.dumps(value, default=str))


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return in words what a run is to be continued with that the checkpoint says otherwise; '' where all is equal.

    Example:
        >>> differences(dict(samples=20, batch_size=4), dict(samples=20, batch_size=2))
        'batch_size: 4 then, 2 now'
    """
    return '; '.join(f'{key}: {then[key]} then, {value} now' for key, value in now.items()
                     if key in then and then[key] != value)
