"""The blur kernel of a sample."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.datasets.images import ImageError, read_array, to_grey
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadKernel(BaseTransform):
    """Load the blur kernel that belongs to an image.

    Required key: ``kernel_path``, an array ``.npy`` or a grey image, K x K with an odd K. Added: ``kernel`` (float32
    of sum 1).

    Raises:
        ImageError: If the file is missing or no kernel.

    Example:
        >>> np.save('kernel.npy', np.ones((19, 19)))
        >>> kernel = LoadKernel()(dict(kernel_path='kernel.npy'))['kernel']
        >>> kernel.shape, round(float(kernel.sum()), 4)
        ((19, 19), 1.0)
    """

    def transform(self, results: dict) -> dict:
        """Add the kernel to ``results``."""
        results['kernel'] = read_kernel(results['kernel_path'])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def read_kernel(kernel: str | Path | np.ndarray) -> np.ndarray:
    """Return the kernel of a file or an array, K x K float32 of sum 1.

    Raises:
        ImageError: If the file is missing, not square and odd, negative, or empty.
    """
    name = 'The kernel' if isinstance(kernel, np.ndarray) else str(kernel)
    if not isinstance(kernel, np.ndarray) and not Path(kernel).is_file():
        raise ImageError(f'The kernel {name} does not exist.')
    kernel = (kernel if isinstance(kernel, np.ndarray) else to_grey(read_array(name))).astype(np.float32)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise ImageError(f'{name} is {kernel.shape}; a blur kernel is K x K with an odd K.')
    if not np.isfinite(kernel).all() or kernel.min() < 0 or kernel.sum() <= 0:
        raise ImageError(f'{name}: a blur kernel has finite values of at least 0, not all of them 0.')
    return kernel / kernel.sum()
