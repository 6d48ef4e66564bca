"""The blur kernel of a sample."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.datasets.pictures import PictureError, read_infrared
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadKernel(BaseTransform):
    """Load the blur kernel that belongs to a picture.

    Required key: ``kernel_path``, an array ``.npy`` or a grey picture, K x K with an odd K. Added: ``kernel`` (float32
    of sum 1).

    Raises:
        PictureError: If the file is missing or no kernel.

    Example:
        >>> LoadKernel()(dict(kernel_path='kernel/im05_flit01.npy'))['kernel'].shape  # doctest: +SKIP
        (19, 19)
    """

    def transform(self, results: dict) -> dict:
        """Add the kernel to ``results``."""
        results['kernel'] = read_kernel(results['kernel_path'])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def read_kernel(path: str | Path) -> np.ndarray:
    """Return the kernel of a file, K x K float32 of sum 1.

    Raises:
        PictureError: If the file is missing, not square and odd, negative, or empty.
    """
    path = str(path)
    try:
        kernel = np.load(path) if path.endswith('.npy') else read_infrared(path)
    except (OSError, ValueError) as error:
        raise PictureError(f'{path} cannot be read as a blur kernel: {error}') from error
    return normal_kernel(kernel, path)


def normal_kernel(kernel: np.ndarray, name: str = 'the kernel') -> np.ndarray:
    """Return a kernel as float32 of sum 1, or raise a :class:`PictureError` where it is none."""
    kernel = np.asarray(kernel, np.float32)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise PictureError(f'{name} is {kernel.shape}; a blur kernel is K x K with an odd K.')
    if not np.isfinite(kernel).all() or kernel.min() < 0 or kernel.sum() <= 0:
        raise PictureError(f'{name}: a blur kernel has finite values of at least 0, not all of them 0.')
    return kernel / kernel.sum()
