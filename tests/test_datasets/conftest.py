"""What the tests of data share: small folders of pairs, written on the spot."""
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def scope():
    """Look parts up under mmfusenas, as every config does."""
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        yield


def image(seed: int, size: tuple[int, int], channels: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """Return a random image."""
    shape = (*size, channels) if channels else size
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.fixture
def make_image() -> Callable[..., np.ndarray]:
    """Return :func:`image`."""
    return image


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder of four pairs of 32 x 24 in ``vi`` and ``ir``, with YOLO ``labels``: 0, 1, 2 and 1 boxes."""
    labels = ['', '0 0.5 0.5 0.25 0.5\n', '1 0.25 0.5 0.5 0.5\n0 0.75 0.25 0.25 0.25\n', '1 0.5 0.5 1 1\n']
    for folder in ('vi', 'ir', 'labels'):
        (tmp_path / folder).mkdir()
    for number, text in enumerate(labels):
        cv2.imwrite(str(tmp_path / 'vi' / f'{number:03d}.png'), image(number, (24, 32), 3))
        cv2.imwrite(str(tmp_path / 'ir' / f'{number:03d}.png'), image(100 + number, (24, 32)))
        (tmp_path / 'labels' / f'{number:03d}.txt').write_text(text)
    return tmp_path
