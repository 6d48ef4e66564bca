"""Entropy and mutual information of the grey levels."""
from __future__ import annotations

import math

import torch
from torch import Tensor

from mmfusenas.evaluation.functional.images import as_double

_LEVELS = 256


def entropy(fused: Tensor) -> Tensor:
    """Return the entropy (EN) of the grey levels in bits, 256 bins; values are rounded.

    Shape:
        N x 1 x H x W in [0, 255], to N values in [0, 8].

    Example:
        >>> entropy(torch.arange(256.0).view(1, 1, 16, 16)).item()
        8.0
    """
    return _bits(_histogram(*_levels(fused)))


def mutual_information(fused: Tensor, visible: Tensor, infrared: Tensor, base: float = 2.0) -> Tensor:
    """Return the mutual information (MI) of the fused image with both sources, summed.

    MI(F, S) = H(F) + H(S) - H(F, S) over 256 x 256 bins (Qu et al., Information measure for performance of image
    fusion, 2002).

    Args:
        base: Base of the logarithm; 2 gives bits, ``math.e`` nats, as scikit-learn counts. Defaults to 2.

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values.
    """
    return sum(shared for shared, _ in _shared_bits(fused, visible, infrared)) / math.log2(base)


def normalized_mutual_information(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return the normalised mutual information (NMI, also called Q_MI), from 0 to 2.

    2 * sum over the sources of MI(F, S) / (H(F) + H(S)) (Hossny et al., Comments on "Information measure for
    performance of image fusion", 2008). Two flat images share all there is: 1.

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values.
    """
    return sum(torch.where(total > 0, 2 * shared / total, 1.0)
               for shared, total in _shared_bits(fused, visible, infrared))


def _shared_bits(fused: Tensor, *sources: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return for each source MI(F, S) and H(F) + H(S)."""
    fused, *sources = _levels(fused, *sources)
    result = []
    for source in sources:
        joint = _histogram(fused * _LEVELS + source, _LEVELS * _LEVELS)
        tables = joint.view(-1, _LEVELS, _LEVELS)
        total = _bits(tables.sum(1)) + _bits(tables.sum(2))
        result.append((total - _bits(joint), total))
    return result


def _levels(*images: Tensor) -> list[Tensor]:
    """Return the grey level of every pixel, N x (H * W)."""
    return [image.round().long().flatten(1) for image in as_double(*images)]


def _histogram(codes: Tensor, size: int = _LEVELS) -> Tensor:
    """Return how often each code appears, as parts of 1, N x ``size``."""
    offsets = torch.arange(len(codes), device=codes.device).unsqueeze(1) * size
    counts = torch.bincount((codes + offsets).flatten(), minlength=len(codes) * size)
    return counts.view(-1, size).double() / codes.shape[1]


def _bits(probabilities: Tensor) -> Tensor:
    """Return the entropy of each row in bits."""
    return torch.special.entr(probabilities).sum(1) / math.log(2)
