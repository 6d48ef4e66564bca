"""Weights of stock configs: what their packages were trained to, and what is still to be fetched before a training."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml
from mmengine.utils import get_installed_path

from mmfusenas.utils.remote_weights import address, download_path


def stock_weights(task: str) -> str | None:
    """Return the address of the weights of a whole stock config, trained on COCO for instance; None where none is said.

    Args:
        task: ``'mmdet::FOLDER/NAME.py'``, whose package says it in a ``metafile.yml``. A file has none.

    Example:
        >>> stock_weights('mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py').rpartition('/')[2]
        'fcos_r50_caffe_fpn_gn-head_1x_coco-821213aa.pth'
    """
    package, separator, path = task.partition('::')
    if not separator:
        return None
    for file in Path(get_installed_path(package), '.mim', 'configs', path).parent.glob('metafile.y*ml'):
        content = yaml.safe_load(file.read_text())
        for entry in content.get('Models', []) if isinstance(content, dict) else content:
            if Path(str(entry.get('Config'))).name == Path(path).name and entry.get('Weights'):
                return entry['Weights']
    return None


def weights_to_fetch(names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Yield address and place of the weights that are at an address, and not in torch's folder of downloads yet.

    Args:
        names: As configs name weights: ``'open-mmlab://detectron/resnet50_caffe'``, ``'https://...'``, files.

    Raises:
        ValueError: If a zoo has no such model.
    """
    for url in map(address, names):
        if url.startswith(('http://', 'https://')) and not download_path(url).is_file():
            yield url, download_path(url)
