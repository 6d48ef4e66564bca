"""Taking a pair out of register, to learn how to put it back."""
from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.pairing import OLD_KEYS
from mmfusenas.datasets.transforms.degrading import get_generator
from mmfusenas.registry import TRANSFORMS

_STEPS = 20


@TRANSFORMS.register_module()
class RandomDeformation(BaseTransform):
    """Deform the infrared image by a random affine map and a random elastic field (TIM section 5.1.2).

    The image before it is kept as ``aligned``, and ``flow`` (float32 H x W x 2, pixels) is the field that puts
    the deformed image back: ``deformed(p + flow(p)) = aligned(p)``, found by fixed-point iteration. It comes after
    geometric transforms of the pair.

    Args:
        rotate: Largest angle in degrees. Defaults to 2.
        translate: Largest shift as a part of the image's sides. Defaults to 0.02.
        scale: Largest change of scale. Defaults to 0.02.
        elastic: Largest displacement of the elastic field, as a part of the shorter side. Defaults to 0.02.
        smoothness: Standard deviation of the Gaussian that smooths the elastic field, as a part of the shorter side.
            Defaults to 0.1.
        seed: A number makes the deformation one of (seed, ``img_id``) alone, the same every time: for validation.
            None draws a new one each time.

    Raises:
        ValueError: The sample has no infrared image.

    Example:
        >>> deform = RandomDeformation(seed=0)
        >>> out = deform(dict(img_id=3, infrared=np.random.rand(40, 50).astype(np.float32)))
        >>> out['infrared'].shape, out['flow'].shape
        ((40, 50), (40, 50, 2))
    """

    def __init__(self, rotate: float = 2.0, translate: float = 0.02, scale: float = 0.02, elastic: float = 0.02,
                 smoothness: float = 0.1, seed: int | None = None) -> None:
        self.rotate, self.translate, self.scale = rotate, translate, scale
        self.elastic, self.smoothness, self.seed = elastic, smoothness, seed

    def transform(self, results: dict) -> dict:
        """Deform ``infrared``."""
        results = renamed(results, OLD_KEYS)
        if 'infrared' not in results:
            raise InputError('RandomDeformation deforms the infrared image, and there is none of '
                             f'{results.get("img_path")}; leave it out.')
        field = self._field(results['infrared'].shape[:2], get_generator(results, self.seed))
        results['aligned'] = results['infrared']
        results['infrared'] = _looked_up(results['infrared'], field)
        flow = np.zeros_like(field)
        for _ in range(_STEPS):
            flow = -_looked_up(field, flow)
        results['flow'] = flow
        return results

    def _field(self, shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
        """Return displacements H x W x 2: what is looked up where."""
        height, width = shape
        angle, grow = generator.uniform(-1, 1, 2) * (np.deg2rad(self.rotate), self.scale)
        x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
        cos, sin = (1 + grow) * np.cos(angle), (1 + grow) * np.sin(angle)
        shift = generator.uniform(-1, 1, 2) * self.translate * (width, height)
        affine = np.stack([cos * x - sin * y - x, sin * x + cos * y - y], 2) + shift
        noise = generator.uniform(-1, 1, (height, width, 2))
        smooth = cv2.GaussianBlur(noise, (0, 0), max(self.smoothness * min(shape), 1.0))
        largest = np.abs(smooth).max()
        return (affine + smooth / largest * self.elastic * min(shape)).astype(np.float32)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(rotate={self.rotate}, translate={self.translate}, scale={self.scale}, '
                f'elastic={self.elastic}, smoothness={self.smoothness}, seed={self.seed})')


def _looked_up(image: np.ndarray, field: np.ndarray) -> np.ndarray:
    height, width = field.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(image, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
