"""Mutual information of features in small windows."""
from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.evaluation.functional.images import as_double

_WINDOW = 3
_CHUNK = 1 << 14
"""Windows worked on at a time, 81 numbers each: few enough for the processor's cache, many enough for its cores."""


def feature_mutual_information(fused: Tensor, visible: Tensor, infrared: Tensor, feature: str = 'gradient') -> Tensor:
    """Return the feature mutual information (FMI), the mean over all windows and both sources.

    Haghighat and Razian, Fast-FMI: non-reference image fusion metric, 2014. In every window of 3 x 3 the feature is
    scaled to a distribution over the nine positions. The joint distribution of two windows is the one with these
    marginals and their correlation that is mixed of independence and the largest (smallest) dependence that there is
    (Nelsen, Discrete bivariate distributions with given marginals and correlation, 1987). From it the mutual
    information, as 2 MI / (H(F) + H(S)); windows that are equal share all.

    Args:
        fused: Fused images.
        visible: First source.
        infrared: Second source.
        feature: ``'gradient'`` (along the rows, central differences), ``'pixel'`` or ``'dct'`` (of the whole
            image).

    Shape:
        N x 1 x H x W in [0, 255] three times, H and W at least 3, to N values in [0, 1].

    Raises:
        ValueError: On an unknown feature.
    """
    if feature not in _FEATURES:
        raise InputError(f'feature_mutual_information got feature={feature!r}; it knows {list(_FEATURES)}.')
    images = as_double(fused, visible, infrared, side=_WINDOW)
    fused, *sources = (F.unfold(_FEATURES[feature](_transposed(image)), _WINDOW) for image in images)
    return sum(_mean_shared(fused, source) for source in sources) / len(sources)


def _transposed(image: Tensor) -> Tensor:
    """Return images with rows and columns changed: the positions of a window are numbered column by column."""
    return image.transpose(2, 3).contiguous()


def _mean_shared(fused: Tensor, source: Tensor) -> Tensor:
    """Return the mean over the windows, N x 9 x L twice, to N."""
    chunks = zip(fused.split(_CHUNK, 2), source.split(_CHUNK, 2))
    return sum(_shared(x.transpose(0, 1), y.transpose(0, 1)).sum(1) for x, y in chunks) / fused.shape[2]


def _dct(image: Tensor) -> Tensor:
    """Return the orthonormal DCT-II of whole images."""
    height, width = (_dct_matrix(size, image) for size in image.shape[2:])
    return height @ image @ width.T


def _dct_matrix(size: int, like: Tensor) -> Tensor:
    steps = torch.arange(size, dtype=like.dtype, device=like.device)
    matrix = math.sqrt(2 / size) * torch.cos(math.pi / size * (steps + 0.5) * steps.unsqueeze(1))
    matrix[0] /= math.sqrt(2)
    return matrix


_FEATURES: dict[str, Callable[[Tensor], Tensor]] = dict(
    gradient=lambda image: torch.gradient(image, dim=2)[0],  # along the rows of what is transposed here
    pixel=lambda image: image,
    dct=_dct,
)


def _shared(x: Tensor, y: Tensor) -> Tensor:
    """Return 2 MI / (H + H) of each pair of windows, 9 x N x L twice, to N x L."""
    p, q = _distribution(x), _distribution(y)
    total = _bits(p) + _bits(q)
    shared = torch.where(total > 0, 2 * (total - _bits(_joint(p, q).flatten(0, 1))) / total, 0.0)
    return torch.where((x == y).all(0), 1.0, shared)


def _distribution(windows: Tensor) -> Tensor:
    """Return the windows from their smallest value, summing to 1; a flat one is uniform."""
    raised = windows - windows.amin(0)
    total = raised.sum(0)
    return torch.where(total > 0, raised / total, 1 / len(windows))


def _joint(p: Tensor, q: Tensor) -> Tensor:
    """Return the joint distributions, 9 x 9 x N x L, of the marginals and their correlation."""
    correlation = _correlation(p, q)
    # Of the 81 numbers a window single precision is enough.
    cdf_p, cdf_q = p.cumsum(0).float().unsqueeze(1), q.cumsum(0).float().unsqueeze(0)
    # The largest dependence is min(F, G), the smallest max(F + G - 1, 0), which is F - min(F, 1 - G).
    positive = (correlation >= 0).float()
    overlap = torch.minimum(cdf_p, cdf_q.lerp(1 - cdf_q, 1 - positive))
    bound = (1 - positive) * cdf_p + (2 * positive - 1) * overlap
    # Hoeffding: the covariance of a joint distribution is the sum of its excess over independence.
    covariance = (bound - cdf_p * cdf_q).sum((0, 1)).double()
    part = correlation * _deviation(p) * _deviation(q) / covariance
    part = torch.where(covariance.abs() > 1e-6, part, 0.0).float()
    independent = p.float().unsqueeze(1) * q.float().unsqueeze(0)
    return independent + part * (_density(bound) - independent)


def _density(cdf: Tensor) -> Tensor:
    """Return the probabilities of a joint cumulative distribution, 9 x 9 x N x L."""
    return F.pad(cdf, (0, 0, 0, 0, 1, 0, 1, 0)).diff(dim=0).diff(dim=1)


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    x, y = (values - values.mean(0) for values in (x, y))
    size = (x.square().sum(0) * y.square().sum(0)).sqrt()
    return torch.where(size > 0, (x * y).sum(0) / size, 0.0)


def _deviation(p: Tensor) -> Tensor:
    """Return the standard deviation of the position."""
    positions = torch.arange(len(p), dtype=p.dtype, device=p.device).view(-1, 1, 1)
    mean = (p * positions).sum(0)
    return ((p * positions.square()).sum(0) - mean.square()).clamp(min=0).sqrt()


def _bits(probabilities: Tensor) -> Tensor:
    """Return the entropy of each distribution along the first dimension.

    Where two windows are correlated more than their marginals allow, the mixture is negative in places. As in the
    authors' program these count with the logarithm of their size.
    """
    logarithms = probabilities.abs().clamp(min=torch.finfo(probabilities.dtype).tiny).log()
    return -(probabilities * logarithms).sum(0) / math.log(2)
