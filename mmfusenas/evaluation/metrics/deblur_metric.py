"""How near a deblurred image comes to the sharp one."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from skimage.metrics import mean_squared_error

from mmfusenas.core.errors import InputError
from mmfusenas.evaluation.metrics.image_quality_metric import (
    eight_bit,
    image_quality,
    mean_scores,
    require_reference,
    sample_name,
)
from mmfusenas.registry import METRICS
from mmfusenas.structures import predicted_image


@METRICS.register_module()
class DeblurMetric(BaseMetric):
    """PSNR and SSIM of deblurred images, at the best of small shifts, half a kernel within the border.

    A kernel's own place is not known to a pixel, so the sharp image may be moved by some, as is usual in deblurring
    (Levin et al., CVPR 2009). Definitions, range and channels as of :class:`ImageQualityMetric`.

    Args:
        shift: Farthest move in each direction, in pixels. Defaults to 2.
        outfile_prefix: As of :class:`ImageQualityMetric`. Defaults to None.
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'quality'``.

    Raises:
        ValueError: If nothing is left of an image within half a kernel and the shift.

    Example:
        >>> sharp = torch.randint(256, (3, 40, 50), dtype=torch.uint8)
        >>> moved = np.roll(sharp.permute(1, 2, 0).numpy(), 2, axis=1)
        >>> metric = DeblurMetric(shift=2)
        >>> metric.process(dict(inputs=dict(reference=[sharp])), [dict(pred_img=moved)])
        >>> metric.evaluate(size=1)['quality/SSIM']
        1.0
    """

    default_prefix = 'quality'

    def __init__(self, shift: int = 2, outfile_prefix: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.outfile_prefix = outfile_prefix
        self.shift = shift

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score the images of one batch."""
        inputs = data_batch['inputs']
        require_reference(inputs, 'DeblurMetric', 'Put BlurAndNoise, or LoadPairFromFile, into the pipeline.')
        for i, sample in enumerate(data_samples):
            half = inputs['kernel'][i].shape[-1] // 2 if 'kernel' in inputs else 0
            scores = shifted_quality(
                predicted_image(sample), eight_bit(inputs['reference'][i]), half, self.shift, sample.get('img_path'))
            self.results.append((sample_name(sample), scores))

    def compute_metrics(self, results: list[tuple[str, dict[str, float]]]) -> dict[str, float]:
        """Return the means over the images."""
        return mean_scores(results, self.outfile_prefix)


def shifted_quality(image: np.ndarray, reference: np.ndarray, border: int, shift: int,
                    name: str | None = None) -> dict[str, float]:
    """Return PSNR and SSIM at the shift of the best PSNR.

    Args:
        image: H x W x 3 uint8.
        reference: The same, which is moved.
        border: Pixels left out at every side.
        shift: Farthest move in each direction.
        name: What to call the image in a message.

    Example:
        >>> image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
        >>> shifted_quality(image, np.roll(image, 1, 1), 4, 2)['SSIM']
        1.0
    """
    margin = border + shift
    height, width = image.shape[:2]
    if min(height, width) - 2 * margin < 7:
        raise InputError(f'The image {name or ""} of {(height, width)} has nothing left {margin} pixels within its '
                         'border.')
    inner = image[margin:height - margin, margin:width - margin]
    moves = range(-shift, shift + 1)
    moved = [reference[margin + y:height - margin + y, margin + x:width - margin + x] for y in moves for x in moves]
    best = min(moved, key=lambda part: mean_squared_error(part, inner))
    return image_quality(inner, best, name)
