"""How near a super-resolved target comes to the true one."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor
from torchmetrics.functional import image as F

from mmfusenas.core.errors import InputError
from mmfusenas.core.names import nearest
from mmfusenas.evaluation.metrics.image_quality_metric import require_reference
from mmfusenas.models.losses.lpips import LPIPS
from mmfusenas.models.utils.gaussian_window import gaussian_window
from mmfusenas.registry import METRICS

Images = tuple[Tensor, Tensor]
FLAT = 1e-10
"""Share of the mean square below which a variance is rounding."""

GUIDED_SR_METRICS: Mapping[str, Callable[..., Tensor]] = dict(
    RMSE=lambda x, y, metric: metric.unit * (x - y).square().mean().sqrt(),
    MAE=lambda x, y, metric: metric.unit * (x - y).abs().mean(),
    PSNR=lambda x, y, metric: F.peak_signal_noise_ratio(x, y, data_range=metric.full_scale),
    SSIM=lambda x, y, metric: F.structural_similarity_index_measure(x, y, data_range=metric.full_scale),
    SAM=lambda x, y, metric: spectral_angle(x, y),
    ERGAS=lambda x, y, metric: F.error_relative_global_dimensionless_synthesis(x, y, ratio=metric.ratio),
    SCC=lambda x, y, metric: F.spatial_correlation_coefficient(x, y),
    Q=lambda x, y, metric: universal_quality(x, y),
    F=lambda x, y, metric: f_measure(x, y, metric.full_scale),
)
"""Of a result and its reference, 1 x B x H x W in the unit of the target, double precision."""


@METRICS.register_module()
class GuidedSRMetric(BaseMetric):
    """Errors and quality of super-resolved targets, means over the images.

    ``RMSE`` and ``MAE`` in the unit asked for; ``PSNR`` (dB) and ``SSIM`` (Gaussian window of 11) of the full scale;
    for several bands ``SAM`` (mean spectral angle in radians, of the pixels that are not zero in all bands), ``ERGAS``
    (relative global error) and ``SCC`` (spatial correlation) as torchmetrics defines them, and ``Q``, the universal
    quality index, see :func:`universal_quality`; ``F``, the F-measure of a saliency map, see :func:`f_measure`: an
    image without anything salient does not count.

    Args:
        metric: Names of the measures. Defaults to ``('RMSE', )``.
        unit: What the target's unit is multiplied with: 0.1 makes centimetres of millimetres. Defaults to 1.
        full_scale: Largest value of the target, for PSNR, SSIM and F. Defaults to 255.
        ratio: Times that the sides of the target shrank, for ERGAS, which multiplies by 100 over it. Defaults to 4.
        border: Pixels at every side that do not count. Defaults to 0.
        lpips: File of torchvision's AlexNet weights, ``alexnet-owt-7be5be79.pth``: also ``LPIPS``, of the image that
            ``bands`` make. Without one there is none.
        bands: Which three bands LPIPS looks at, in the order red, green, blue; a target of one band is grey. Defaults
            to (0, 0, 0).
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'sr'``.

    Raises:
        ValueError: If a measure is unknown (the message has the nearest one), or the border leaves nothing.
        KeyError: If the data set has no references.

    Example:
        >>> metric = GuidedSRMetric(unit=0.1, border=6)  # millimetres to centimetres
        >>> sample = dict(restored=np.full((40, 50), 1020.0))
        >>> metric.process(dict(inputs=dict(reference=torch.full((1, 1, 40, 50), 1000.0))), [sample])
        >>> metric.evaluate(size=1)
        {'sr/RMSE': 2.0}
    """

    default_prefix = 'sr'

    def __init__(self, metric: Sequence[str] = ('RMSE', ), unit: float = 1.0, full_scale: float = 255.0,
                 ratio: float = 4, border: int = 0, lpips: str | None = None, bands: Sequence[int] = (0, 0, 0),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        for name in metric:
            if name not in GUIDED_SR_METRICS:
                raise InputError(f'GuidedSRMetric knows no {name!r}{nearest(name, GUIDED_SR_METRICS)}. It knows '
                                 f'{list(GUIDED_SR_METRICS)}.')
        self.metric, self.unit, self.full_scale, self.ratio, self.border = metric, unit, full_scale, ratio, border
        self.lpips, self.bands = LPIPS(lpips) if lpips else None, list(bands)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure the results of one batch."""
        require_reference(data_batch['inputs'], 'GuidedSRMetric', 'Put DegradeTarget into the test pipeline.')
        for reference, sample in zip(data_batch['inputs']['reference'], data_samples, strict=True):
            result = np.atleast_3d(sample['restored']).transpose(2, 0, 1)
            pair = [x.double()[None] for x in (torch.from_numpy(result), reference)]
            if self.border:
                if 2 * self.border >= min(reference.shape[1:]):
                    raise InputError(f'GuidedSRMetric got border={self.border}, which leaves nothing of an image of '
                                     f'{reference.shape[2]} x {reference.shape[1]}.')
                pair = [x[..., self.border:-self.border, self.border:-self.border] for x in pair]
            scores = {name: float(GUIDED_SR_METRICS[name](*pair, self)) for name in self.metric}
            if self.lpips:
                with torch.inference_mode():
                    scores['LPIPS'] = float(self.lpips(*((x[:, self.bands].float() / self.full_scale).clamp(0, 1)
                                                         for x in pair)))
            self.results.append(scores)

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Return the means over the images."""
        means = {name: (np.nanmean if name == 'F' else np.mean) for name in results[0]}
        return {name: float(mean([scores[name] for scores in results])) for name, mean in means.items()}


def spectral_angle(result: Tensor, truth: Tensor) -> Tensor:
    """Mean angle between the spectra of two images in radians (SAM), without pixels that are zero in all bands.

    Shape:
        1 x B x H x W twice.
    """
    lengths = result.norm(dim=1) * truth.norm(dim=1)
    cosines = (result * truth).sum(1)[lengths > 0] / lengths[lengths > 0]
    return cosines.clamp(-1, 1).acos().mean() if len(cosines) else lengths.sum()


def universal_quality(x: Tensor, y: Tensor) -> Tensor:
    r"""Return the universal quality index of two images (Wang and Bovik, A universal image quality index, 2002).

    The mean over pixels and bands of :math:`4 \sigma_{xy} \mu_x \mu_y / ((\sigma_x^2 + \sigma_y^2)(\mu_x^2 +
    \mu_y^2))` in a Gaussian window of 11 pixels that lies inside the image. Where both are flat only the means are
    compared, :math:`2 \mu_x \mu_y / (\mu_x^2 + \mu_y^2)`, as in the authors' program; zeros are alike. (torchmetrics,
    whose values these are elsewhere, divides rounding errors there.)

    Shape:
        N x B x H x W twice, double precision, H and W at least 11.

    Raises:
        ValueError: If the images are smaller.
    """
    if min(x.shape[2:]) < 11:
        raise InputError(f'The measure Q needs images of at least 11 x 11 pixels; got {tuple(x.shape)}.')
    window = partial(gaussian_window, sigma=1.5, reach=5, inside=True)
    mean_x, mean_y, xx, yy, xy = map(window, (x, y, x * x, y * y, x * y))
    power, energy = mean_x**2 + mean_y**2, xx + yy
    flat = energy - power <= FLAT * energy
    contrast = torch.where(flat, 1.0, 2 * (xy - mean_x * mean_y) / (energy - power).masked_fill(flat, 1.0))
    brightness = torch.where(power > 0, 2 * mean_x * mean_y / power.clamp(min=torch.finfo(power.dtype).tiny), 1.0)
    return (contrast * brightness).mean()


def f_measure(saliency: Tensor, truth: Tensor, full_scale: float, beta2: float = 0.3) -> Tensor:
    """F-measure of a saliency map (Achanta et al., CVPR 2009): salient is what reaches twice the map's mean.

    (1 + b) P R / (b P + R) of precision P and recall R, b = 0.3; of the truth what exceeds half of the full scale. NaN
    where nothing does.

    Args:
        saliency: The map, any shape.
        truth: Of the same shape.
        full_scale: Largest value of both.
        beta2: b. Defaults to 0.3.
    """
    # At least twice the mean, so that a true map of one half is all of it; an empty one has nothing salient.
    salient = (saliency > 0) & (saliency >= min(2 * float(saliency.mean()), full_scale))
    true = truth > full_scale / 2
    if not true.any():
        return torch.tensor(float('nan'))
    hits = (salient & true).sum()
    return (1 + beta2) * hits / (beta2 * true.sum() + salient.sum()).clamp(min=1)
