"""How near a deblurred picture comes to the sharp one."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from skimage.metrics import mean_squared_error

from mmfusenas.core.errors import InputError
from mmfusenas.evaluation.metrics.image_quality_metric import eight_bit, image_quality, require_reference
from mmfusenas.registry import METRICS


@METRICS.register_module()
class DeblurMetric(BaseMetric):
    """PSNR and SSIM of deblurred pictures, at the best of small shifts, half a kernel within the border.

    A kernel's own place is not known to a pixel, so the sharp picture may be moved by some, as is usual in deblurring
    (Levin et al., CVPR 2009). Definitions, range and channels as of :class:`ImageQualityMetric`.

    Args:
        shift: Farthest move in each direction, in pixels. Defaults to 2.
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'quality'``.

    Raises:
        ValueError: If nothing is left of a picture within half a kernel and the shift.

    Example:
        >>> sharp = torch.randint(256, (3, 40, 50), dtype=torch.uint8)
        >>> moved = np.roll(sharp.permute(1, 2, 0).numpy(), 2, axis=1)
        >>> metric = DeblurMetric(shift=2)
        >>> metric.process(dict(inputs=dict(reference=[sharp])), [dict(fused_img=moved)])
        >>> metric.evaluate(size=1)['quality/SSIM']
        1.0
    """

    default_prefix = 'quality'

    def __init__(self, shift: int = 2, **kwargs) -> None:
        super().__init__(**kwargs)
        self.shift = shift

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score the pictures of one batch."""
        inputs = data_batch['inputs']
        require_reference(inputs, 'DeblurMetric', 'Put BlurAndNoise, or LoadPairFromFile, into the pipeline.')
        for i, sample in enumerate(data_samples):
            half = inputs['kernel'][i].shape[-1] // 2 if 'kernel' in inputs else 0
            self.results.append(shifted_quality(
                sample['fused_img'], eight_bit(inputs['reference'][i]), half, self.shift, sample.get('img_path')))

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Return the means over the pictures."""
        return {name: float(np.mean([scores[name] for scores in results])) for name in results[0]}


def shifted_quality(picture: np.ndarray, reference: np.ndarray, border: int, shift: int,
                    name: str | None = None) -> dict[str, float]:
    """Return PSNR and SSIM at the shift of the best PSNR.

    Args:
        picture: H x W x 3 uint8.
        reference: The same, which is moved.
        border: Pixels left out at every side.
        shift: Farthest move in each direction.
        name: What to call the picture in a message.

    Example:
        >>> picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
        >>> shifted_quality(picture, np.roll(picture, 1, 1), 4, 2)['SSIM']
        1.0
    """
    margin = border + shift
    height, width = picture.shape[:2]
    if min(height, width) - 2 * margin < 7:
        raise InputError(f'The picture {name or ""} of {(height, width)} has nothing left {margin} pixels within its '
                         'border.')
    inner = picture[margin:height - margin, margin:width - margin]
    moves = range(-shift, shift + 1)
    moved = [reference[margin + y:height - margin + y, margin + x:width - margin + x] for y in moves for x in moves]
    best = min(moved, key=lambda part: mean_squared_error(part, inner))
    return image_quality(inner, best, name)
