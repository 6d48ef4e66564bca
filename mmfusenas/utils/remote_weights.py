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

import torch
from mmengine.dist import barrier, get_rank
from mmengine.fileio import get_local_path
from mmengine.runner import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)
from mmengine.runner.checkpoint import _get_mmengine_home

from mmfusenas.core.errors import FileNotWrittenError, InputError
from mmfusenas.core.names import nearest
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint


def fetched(url: str) -> Path:
    """Return the local copy of a file, in torch's folder of downloads; the first process fetches what is missing.

    Raises:
        OSError: If it cannot be fetched.
    """
    path = Path(torch.hub.get_dir(), 'checkpoints', Path(urlparse(url).path).name)
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
    scheme, _, name = filename.partition('://')
    if scheme in ('torchvision', 'modelzoo'):
        known = get_torchvision_models()
    elif scheme == 'mmcls':
        known = get_mmcls_models()
    else:
        known, name = get_external_models(), get_deprecated_model_names().get(name, name)
    if name not in known:
        raise InputError(f'There are no weights {filename}: {scheme} has no {name!r}{nearest(name, known)}.')
    if '://' not in known[name]:  # of a table of one's own
        return load_checkpoint(Path(_get_mmengine_home(), known[name]), map_location)
    content = load_from_http(known[name], map_location)
    if scheme != 'mmcls':
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


def _fetch(url: str, path: Path) -> None:
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=os.isatty(2))
    except (URLError, TimeoutError) as error:
        raise FileNotWrittenError(
            f'The weights {url} cannot be fetched ({error}). Fetch the file yourself and give its '
            'path.') from error
