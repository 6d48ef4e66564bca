"""A shaken camera and its noise, for images that have neither."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.images import to_grey
from mmfusenas.datasets.pairing import OLD_KEYS
from mmfusenas.datasets.transforms.degrading import get_generator, require_8_bit
from mmfusenas.datasets.transforms.load_kernel import read_kernel
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class BlurAndNoise(BaseTransform):
    """Blur a good image by a motion kernel and add Gaussian noise; what was good becomes its reference.

    Only what the blurred image shows of the scene is kept: half a kernel falls away at each side, of the reference
    too. Required key: ``img`` (H x W x 3 uint8); where there is a ``kernel`` already (:class:`LoadKernel`), that is
    the one. Changed: ``img`` (8 bit); added: ``reference``, ``kernel`` (K x K float32 of sum 1), ``noise`` (H x W
    float32, its standard deviation in grey levels, equal everywhere). The image of a second sensor is dropped.

    Args:
        size: Rows and columns of the result, cut at a random place; None keeps all that there is. Defaults to None.
        noise: Least and largest standard deviation of the noise in shares of the full range. Defaults to (0.01, 0.05).
        kernel_size: Sides that kernels are drawn from, odd and at least 5. Defaults to (13, 15, ..., 27), as Levin has.
        kernels: Folder of kernels as ``.npy`` files, one of which is drawn; None draws random ones
            (:func:`motion_kernel`). Defaults to None.
        blur: Whether to blur at all; without, the kernel is one pixel. Defaults to True.
        grey: Whether images become grey, H x W. Defaults to True.
        seed: Seed of every image, with its ``img_id``, for tests; None takes the global generator. Defaults to None.

    Raises:
        ValueError: Ranges that are none, other sides, an image of another depth, or one too small for the kernel and
            the size.
        FileNotFoundError: ``kernels`` has no kernel in it.
        ImageError: A file in it is none (:func:`read_kernel`).

    Example:
        >>> sample = BlurAndNoise(kernel_size=(5,), seed=0)(dict(img=np.zeros((40, 50, 3), np.uint8), img_id=0))
        >>> sample['img'].shape, sample['reference'].shape, sample['kernel'].shape
        ((36, 46), (36, 46), (5, 5))
    """

    def __init__(self, size: tuple[int, int] | None = None, noise: tuple[float, float] = (0.01, 0.05),
                 kernel_size: Sequence[int] = tuple(range(13, 29, 2)), kernels: str | None = None,
                 blur: bool = True, grey: bool = True, seed: int | None = None) -> None:
        if not 0 <= noise[0] <= noise[1] <= 1 or any(side % 2 == 0 or side < 5 for side in kernel_size):
            raise InputError(f'BlurAndNoise got noise={noise} and kernel_size={tuple(kernel_size)}: noise is (low, '
                             'high) from 0 to 1, and sides are odd and at least 5.')
        self.size, self.noise, self.kernel_size = size, tuple(noise), tuple(kernel_size)
        self.blur, self.grey, self.seed = blur, grey, seed
        self.kernels = [read_kernel(path) for path in sorted(Path(kernels).glob('*.npy'))] if kernels else []
        if kernels and not self.kernels:
            raise FileError(f'{kernels} has no kernel: BlurAndNoise looks for .npy files, K x K.')

    def transform(self, results: dict) -> dict:
        """Degrade ``img``."""
        from scipy.signal import fftconvolve  # takes a second to import, which everything else would wait for

        results = renamed(results, OLD_KEYS)
        require_8_bit(results, 'BlurAndNoise')
        rng = get_generator(results, self.seed)
        kernel = self._kernel(results, rng)
        sharp = to_grey(results['img']) if self.grey else results['img']
        sharp = self._cut(sharp, len(kernel), rng, results.get('img_path', ''))
        planes = np.atleast_3d(sharp).astype(np.float64)
        blurred = fftconvolve(planes, kernel[..., None], 'valid', axes=(0, 1))
        level = 255 * rng.uniform(*self.noise)
        noisy = blurred + rng.normal(0, level, blurred.shape)
        half = len(kernel) // 2
        height, width = blurred.shape[:2]
        results.pop('infrared', None)
        results.update(
            img=np.rint(noisy).clip(0, 255).astype(np.uint8).reshape(height, width, *sharp.shape[2:]),
            reference=np.ascontiguousarray(sharp[half:half + height, half:half + width]),
            kernel=kernel.astype(np.float32), noise=np.full((height, width), level, np.float32),
            img_shape=(height, width))
        return results

    def _cut(self, sharp: np.ndarray, side: int, rng: np.random.Generator, name: str) -> np.ndarray:
        """Return what the result needs of an image: half a kernel more at each side."""
        height, width = sharp.shape[:2]
        rows, columns = (length + side - 1 for length in self.size) if self.size else (height, width)
        if rows > height or columns > width or min(height, width) < side:
            raise InputError(f'The image {name} of {(height, width)} is too small: a kernel of {side} pixels and '
                             f'size={self.size} need {max(rows, side)} x {max(columns, side)}.')
        top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
        return sharp[top:top + rows, left:left + columns]

    def _kernel(self, results: dict, rng: np.random.Generator) -> np.ndarray:
        if not self.blur:
            return np.ones((1, 1))
        if 'kernel' in results:
            return results['kernel']
        if self.kernels:
            return self.kernels[rng.integers(len(self.kernels))]
        return motion_kernel(rng, int(rng.choice(self.kernel_size)))

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(size={self.size}, noise={self.noise}, kernel_size={self.kernel_size}, '
                f'blur={self.blur}, grey={self.grey}, seed={self.seed})')


def motion_kernel(rng: np.random.Generator, side: int) -> np.ndarray:
    """Return the blur of a random shake of the camera: the trace of a point that is pushed about, slightly smoothed.

    Args:
        rng: Source of the shake.
        side: Rows and columns, odd.

    Returns:
        ``side`` x ``side`` float64 of sum 1, the centre of its mass in the middle to within half a pixel.

    Example:
        >>> motion_kernel(np.random.default_rng(0), 15).shape
        (15, 15)
    """
    from scipy.ndimage import gaussian_filter  # takes half a second to import

    steps = 200
    pushes = rng.normal(0, 1, (steps, 2))
    pushes[rng.random(steps) < 0.02] *= 20  # now and then a jerk
    velocity = np.zeros(2)
    trace = []
    for push in pushes:
        velocity = 0.95 * velocity + push
        trace.append(velocity)
    path = np.cumsum(trace, axis=0)
    path -= path.mean(0)
    room = (side - 1) / 2 - 1.5
    path *= room * rng.uniform(0.5, 1.0) / max(np.abs(path).max(), 1e-12)
    fine = np.zeros((4 * side, 4 * side))  # four samples a pixel, so that the trace is no staircase
    times = np.linspace(0, steps - 1, 20 * steps)
    places = (np.interp(times, np.arange(steps), axis) for axis in path.T)
    np.add.at(fine, tuple(np.rint(4 * place + (4 * side - 1) / 2).astype(int) for place in places), 1.0)
    kernel = gaussian_filter(fine, 2).reshape(side, 4, side, 4).mean((1, 3))
    return kernel / kernel.sum()
