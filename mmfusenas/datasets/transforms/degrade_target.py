"""Degradation of a target for guided super-resolution."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.transforms.degrading import get_generator
from mmfusenas.registry import TRANSFORMS

RANGES = ('input', 'reference')


@TRANSFORMS.register_module()
class DegradeTarget(BaseTransform):
    """Bring the target down to low resolution and up again, and say which range of it becomes [0, 1].

    Bicubic, with antialiasing on the way down, and Gaussian noise in between (DCNAS section IV-B); the sides go to
    multiples of the scale by cutting rows and columns at the end. Where the sample has a ``reference``, the target is
    real: it stays as it is, and its range is ``low_range`` where it has that (what interpolation made of the target
    does not count). It comes before a patch is cut, whose range is then that of its image, as in a test. The scaling
    itself is :class:`GuidedDataPreprocessor`'s.

    Required keys: ``img``, ``target``. Changed: ``target``, of low resolution in the size of ``img``. Added:
    ``reference``, the target in high resolution; ``target_range`` (low, high). Both images are in their own unit.

    Args:
        scale: Times that the sides shrink, or several such numbers, of which one is drawn for each image, for a network
            of all of them; the sides go to multiples of the largest. Defaults to 1, not at all.
        noise: Standard deviation of the noise, in 255ths of the range of the target in low resolution. Defaults to 0.
        value_range: The range: ``'input'``, from the smallest to the largest value of the target in low
            resolution; ``'reference'``, those of the high resolution, as in the paper and others, which tells the
            network something of the answer; or two numbers (low, high). Defaults to 'input'.
        seed: Seed of every image, with its ``img_id``, for tests; None takes the global generator. Defaults to None.

    Raises:
        ValueError: If the range is another word or empty, the scale is no whole number from 1, the noise is negative,
            or the image is smaller than the scale.

    Example:
        >>> degrade = DegradeTarget(scale=4)
        >>> sample = degrade(dict(img=np.zeros((18, 24, 3), np.uint8), target=np.random.rand(18, 24).astype('float32')))
        >>> sample['img'].shape, sample['target'].shape, sample['reference'].shape
        ((16, 24, 3), (16, 24), (16, 24))
    """

    def __init__(self, scale: int | Sequence[int] = 1, noise: float = 0.0,
                 value_range: str | tuple[float, float] = 'input', seed: int | None = None) -> None:
        known = value_range in RANGES if isinstance(value_range, str) else value_range[0] < value_range[1]
        scales = scale if isinstance(scale, Sequence) else [scale]
        if not scales or any(each < 1 or each != int(each) for each in scales) or noise < 0 or not known:
            raise InputError(f'DegradeTarget got scale={scale}, noise={noise}, value_range={value_range!r}; the scale '
                             f'is 1, 2, 3 ..., or several of these, the noise at least 0, and a range one of {RANGES} '
                             'or (low, high).')
        self.scale, self.scales, self.noise, self.value_range, self.seed = scale, scales, noise, value_range, seed

    def transform(self, results: dict) -> dict:
        """Degrade the target of ``results``."""
        real = 'reference' in results
        largest = max(self.scales)
        height, width = (side - side % largest for side in results['target'].shape[:2])
        if not height or not width:
            raise InputError(f'The target {results.get("target_path", "")} of {results["target"].shape[:2]} is smaller '
                             f'than the scale {largest}.')
        scale = largest if len(self.scales) == 1 else int(np.random.choice(self.scales))
        for key in ('img', 'target', *(('reference', ) if real else ())):
            results[key] = results[key][:height, :width]
        reference = results['reference'] if real else results['target']
        low = results['target'] if real else self._noisy(
            resize_bicubic(reference, (height // scale, width // scale)), results)
        given = np.array(results['low_range']) if real and 'low_range' in results else low
        start, end = self.get_range(given, reference)
        target = low if real else resize_bicubic(low, (height, width))
        results.update(target=target, reference=reference, target_range=(start, end), img_shape=(height, width))
        return results

    def _noisy(self, low: np.ndarray, results: dict) -> np.ndarray:
        if not self.noise:
            return low
        deviation = self.noise / 255 * (float(np.ptp(low)) or 1.0)
        return low + get_generator(results, self.seed).normal(0, deviation, low.shape).astype(np.float32)

    def get_range(self, low: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
        """Return what will be 0 and 1, of a target in low and in high resolution."""
        if not isinstance(self.value_range, str):
            return tuple(map(float, self.value_range))
        values = low if self.value_range == 'input' else reference
        start, end = float(values.min()), float(values.max())
        flat = end - start <= 1e-6 * abs(end)  # any unit will do
        return (start, start + 1.0) if flat else (start, end)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(scale={self.scale}, noise={self.noise}, value_range={self.value_range}, '
                f'seed={self.seed})')


def resize_bicubic(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an image H x W or H x W x C, float32, in another size, by the bicubic interpolation of Pillow."""
    tensor = torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1)[None].copy())
    # Without antialias PyTorch enlarges by another cubic, a = -0.75 instead of -0.5.
    resized = F.interpolate(tensor, size, mode='bicubic', antialias=True)[0].numpy().transpose(1, 2, 0)
    return np.ascontiguousarray(resized[..., 0] if image.ndim == 2 else resized)
