"""Checkpoints that are named by an address: fetched by MMEngine's and torch's own means, then read as any local file.

MMEngine reads what it fetches without ``weights_only``. Its table of loaders by scheme gets these in their place
by :func:`~mmfusenas.utils.safe_loading.use_safe_loading`.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import URLError
from urllib.parse import urlparse

import mmengine
import torch
from mmengine.dist import barrier, get_rank
from mmengine.fileio import get_local_path, load
from mmengine.runner import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)
from mmengine.runner.checkpoint import _get_mmengine_home

from mmfusenas.core.errors import FileNotWrittenError, InputError, MissingPackageError
from mmfusenas.core.names import nearest
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint


def download_path(url: str) -> Path:
    """Return where the local copy of a file is, or will be: in torch's folder of downloads.

    Example:
        >>> str(download_path('https://server/models/resnet50.pth?raw=true')).endswith('checkpoints/resnet50.pth')
        True
    """
    return Path(torch.hub.get_dir(), 'checkpoints', Path(urlparse(url).path).name)


def address(name: str) -> str:
    """Return the address that ``torchvision://resnet18`` and its like stand for; another name as it is.

    It is the path of a file where that comes from an MMEngine table of one's own.

    Raises:
        ValueError: If the zoo has no such model.
        ImportError: If the zoo is torchvision, which is not installed, and MMEngine does not know the model either.
    """
    scheme, _, model = name.partition('://')
    if scheme in ('torchvision', 'modelzoo'):
        known = _torchvision_models(model)
    elif scheme == 'mmcls':
        known = get_mmcls_models()
    elif scheme in ('openmmlab', 'open-mmlab'):
        known, model = get_external_models(), get_deprecated_model_names().get(model, model)
    else:
        return name
    if model not in known:
        raise InputError(f'There are no weights {name}: {scheme} has no {model!r}{nearest(model, known)}.')
    return known[model] if '://' in known[model] else str(Path(_get_mmengine_home(), known[model]))


def fetched(url: str) -> Path:
    """Return the local copy of a file, in torch's folder of downloads; the first process fetches what is missing.

    Raises:
        OSError: If it cannot be fetched.
    """
    path = download_path(url)
    if get_rank() == 0:
        _fetch(url, path)
    barrier()
    _fetch(url, path)  # on further machines
    return path


def load_from_http(filename: str, map_location: Any = None) -> Any:
    """Load ``http://`` and ``https://``."""
    return load_checkpoint(fetched(filename), map_location)


def load_from_zoo(filename: str, map_location: Any = None) -> Any:
    """Load ``torchvision://resnet18`` and its like, which stand for an address.

    Raises:
        ValueError: If the zoo has no such model.
    """
    place = address(filename)
    if '://' not in place:
        return load_checkpoint(place, map_location)
    content = load_from_http(place, map_location)
    if not filename.startswith('mmcls://'):
        return content
    weights = extract_weights(content, filename)  # of a classifier, whose backbone is asked for
    prefix = 'backbone.'
    return dict(state_dict={key.removeprefix(prefix): weights[key] for key in weights if key.startswith(prefix)})


def load_from_store(filename: str, map_location: Any = None) -> Any:
    """Load ``s3://`` and ``petrel://``."""
    with get_local_path(filename, backend_args=dict(backend='petrel')) as path:
        return load_checkpoint(path, map_location)


def refuse_to_load(filename: str, map_location: Any = None) -> NoReturn:
    """Refuse what can only be fetched together with code from it."""
    raise InputError(f'Weights at {filename} are not fetched, because they could not be read without running code. '
                     'Fetch the file yourself and give its path.')


def how_to_do_without(url: str) -> str:
    """Return what to do where a file cannot be fetched: put it into the folder of downloads, or train without it."""
    path = download_path(url)
    return (f'Put the file {path.name} into {path.parent}, or train without it: new_config.py --weights none, in '
            'another config init_cfg=None of what begins with it.')


def _torchvision_models(model: str) -> dict[str, str]:
    """Return a table that has ``model``: MMEngine's, which needs no torchvision, or that of the installed one."""
    known = load(Path(mmengine.__file__).with_name('hub') / 'torchvision_0.12.json')
    if model in known:
        return known
    try:
        return get_torchvision_models()
    except ModuleNotFoundError as error:
        raise MissingPackageError(f'The weights torchvision://{model} need the package torchvision, which is not '
                                  f'installed; without it there are {", ".join(sorted(known))}.') from error


def _fetch(url: str, path: Path) -> None:
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=os.isatty(2))
    except (URLError, TimeoutError) as error:
        raise FileNotWrittenError(f'The weights {url} cannot be fetched ({error}). {how_to_do_without(url)}') from error
