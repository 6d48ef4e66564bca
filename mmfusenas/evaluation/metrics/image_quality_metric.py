"""How near an image comes to its reference."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from mmfusenas.core.errors import InputError, MissingKeyError
from mmfusenas.core.files import atomic_write
from mmfusenas.datasets.images import to_colour
from mmfusenas.models.losses.lpips import LPIPS
from mmfusenas.registry import METRICS
from mmfusenas.structures import predicted_image

_FULL_SCALE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


@METRICS.register_module()
class ImageQualityMetric(BaseMetric):
    """PSNR, SSIM and LPIPS of the images that a model makes, to the reference images of the data set.

    PSNR and SSIM as scikit-image defines them, over the three channels in 8 bit, data range 255: PSNR in decibels, of
    the mean squared error over all channels; SSIM with a uniform window of 7 pixels, the mean over the channels. The
    scores are means over the images. An image without any difference has an infinite PSNR, and so has the mean then.

    Args:
        lpips: File of torchvision's AlexNet weights, ``alexnet-owt-7be5be79.pth``: also
            :class:`~mmfusenas.models.losses.lpips.LPIPS` (version 0.1). Without one there is none.
        outfile_prefix: The scores of every image are written to ``outfile_prefix + '.json'``, by the name of the image.
            Defaults to None.
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'quality'``.

    Raises:
        KeyError: If the data set has no reference images.
        ValueError: If an image and its reference differ in size.

    Example:
        >>> metric = ImageQualityMetric()
        >>> inputs = dict(reference=torch.full((1, 3, 40, 50), 100, dtype=torch.uint8))
        >>> metric.process(dict(inputs=inputs), [dict(pred_img=np.full((40, 50, 3), 110, np.uint8))])
        >>> round(metric.evaluate(size=1)['quality/PSNR'], 2)  # 20 log10(255 / 10)
        28.13
    """

    default_prefix = 'quality'

    def __init__(self, lpips: str | None = None, outfile_prefix: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.outfile_prefix = outfile_prefix
        self.lpips = LPIPS(lpips) if lpips else None

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score the images of one batch."""
        require_reference(data_batch['inputs'], 'ImageQualityMetric',
                          "Give the data set a folder of them: data_prefix=dict(img='low', reference='high').")
        for reference, sample in zip(data_batch['inputs']['reference'], data_samples, strict=True):
            images = predicted_image(sample), eight_bit(reference)
            scores = image_quality(*images, sample.get('img_path'))
            if self.lpips:
                with torch.inference_mode():
                    scores['LPIPS'] = float(self.lpips(*map(_unit_range, images)))
            self.results.append((sample_name(sample), scores))

    def compute_metrics(self, results: list[tuple[str, dict[str, float]]]) -> dict[str, float]:
        """Return the means over the images."""
        return mean_scores(results, self.outfile_prefix)


def sample_name(sample: Mapping[str, Any]) -> str:
    """Return what an image is called beside its scores: its file, or its number in the data set."""
    return str(sample.get('img_path') or sample.get('img_id', ''))


def mean_scores(results: list[tuple[str, dict[str, float]]], outfile_prefix: str | None) -> dict[str, float]:
    """Return the means over the images, and write each image's own scores where there is a prefix for a file."""
    if outfile_prefix:
        with atomic_write(f'{outfile_prefix}.json') as partial:
            partial.write_text(json.dumps(dict(results), indent=1))
    return {key: float(np.mean([scores[key] for _, scores in results])) for key in results[0][1]}


def require_reference(inputs: Mapping[str, Any], metric: str, remedy: str) -> None:
    """Raise a KeyError where there are no references among the inputs."""
    if 'reference' not in inputs:
        raise MissingKeyError(f'{metric} compares with reference images; the inputs are {sorted(inputs)}. {remedy}')


def image_quality(image: np.ndarray, reference: np.ndarray, name: str | None = None) -> dict[str, float]:
    """Return PSNR and SSIM of an image, both H x W x 3 uint8.

    Raises:
        ValueError: If the two differ in size; the message has ``name``.
    """
    if image.shape != reference.shape:
        raise InputError(f'The image {name or ""} is {image.shape}, its reference {reference.shape}; references '
                         'have the size of the input.')
    with np.errstate(divide='ignore'):  # no difference: infinite
        psnr = peak_signal_noise_ratio(reference, image)
    return dict(PSNR=float(psnr), SSIM=float(structural_similarity(reference, image, channel_axis=2)))


def eight_bit(packed: Tensor) -> np.ndarray:
    """Return a packed image, 1 or 3 x H x W of its own depth, as H x W x 3 uint8."""
    image = packed.permute(1, 2, 0).numpy()
    full_scale = _FULL_SCALE.get(image.dtype, 255.0)
    return to_colour(np.rint(image * (255 / full_scale)).clip(0, 255).astype(np.uint8))


def _unit_range(image: np.ndarray) -> Tensor:
    """Return an image H x W x 3 uint8, BGR, as 1 x 3 x H x W in [0, 1], RGB."""
    return torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
