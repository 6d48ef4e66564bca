"""Visual information fidelity, its fusion form."""
from __future__ import annotations

import torch
from torch import Tensor

from mmfusenas.evaluation.functional.images import as_double, filtered

_NOISE = 2.0
_SMALL = 1e-10
_WINDOWS = (17, 9, 5, 3)


def vif(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return the visual information fidelity (VIF) of the two sources in the fused image, summed.

    For each source the pixel-domain form at four scales (Sheikh and Bovik, Image information and visual quality,
    2006, and its published multi-scale pixel version): how much of the information that a Gaussian model sees in the
    source it still sees in the fused image, with a visual noise of variance 2. Gaussian windows of 17, 9, 5 and 3
    pixels, each of a fifth of its width as standard deviation, without padding. A flat source has nothing to lose: 1.

    Shape:
        N x 1 x H x W in [0, 255] three times, H and W at least 41, to N values; about 0 to 2, more where contrast is
        raised.
    """
    fused, *sources = as_double(fused, visible, infrared, side=41)
    return sum(_fidelity(source, fused) for source in sources)


def _fidelity(source: Tensor, fused: Tensor) -> Tensor:
    seen = available = 0.0
    for scale, size in enumerate(_WINDOWS):
        window = _gaussian(size, source)
        if scale:
            source, fused = (filtered(image, window)[:, :, ::2, ::2] for image in (source, fused))
        kept, all_of_it = _information(source, fused, window)
        seen, available = seen + kept, available + all_of_it
    return torch.where(available > 0, seen / available, 1.0)


def _information(source: Tensor, fused: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is seen in the fused image of one scale, and in the source; common logarithms, summed."""
    maps = filtered(torch.cat([source, fused, source * source, fused * fused, source * fused]), window)
    mean_s, mean_f, ss, ff, sf = maps.chunk(5)
    variance_s, variance_f = (ss - mean_s**2).clamp(min=0), (ff - mean_f**2).clamp(min=0)
    covariance = sf - mean_s * mean_f
    gain = covariance / (variance_s + _SMALL)
    rest = variance_f - gain * covariance
    # The channel model: no gain where either is flat, and a negative one counts as noise alone.
    no_gain = (variance_s < _SMALL) | (variance_f < _SMALL) | (gain < 0)
    gain = gain.masked_fill(no_gain, 0.0)
    rest = torch.where(no_gain, variance_f, rest).clamp(min=_SMALL)
    variance_s = variance_s.masked_fill(variance_s < _SMALL, 0.0)
    kept = (1 + gain.square() * variance_s / (rest + _NOISE)).log10().sum((1, 2, 3))
    return kept, (1 + variance_s / _NOISE).log10().sum((1, 2, 3))


def _gaussian(size: int, like: Tensor) -> Tensor:
    offsets = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    taps = torch.exp(-0.5 * (offsets / (size / 5)) ** 2)
    return taps / taps.sum()
