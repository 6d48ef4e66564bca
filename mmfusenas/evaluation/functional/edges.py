"""Edges that the fused image took over, and edges that no source has."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.evaluation.functional.images import as_double

_SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def qabf(fused: Tensor, visible: Tensor, infrared: Tensor, raw_ties: bool = False) -> Tensor:
    """Return Q^AB/F: how much of the sources' edges, strength and direction, is in the fused image.

    Xydeas and Petrovic, Objective image fusion performance measure, 2000, with its constants (strength 0.9994, -15,
    0.5; direction 0.9879, -22, 0.8; weights of exponent 1). Sobel filters over zero padding.

    Args:
        raw_ties: Of two edges of one strength take the strength itself, in grey levels, for the relative strength, as
            the evaluator of CDDFuse does; the definition has 1. The strength counts as kept to 0.9994 then, in place
            of 0.99885. Defaults to False.

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values in [0, 1]; 1 where no source has an edge.
    """
    fused, *sources = (_edges(image, 'constant') for image in as_double(fused, visible, infrared))
    kept = total = 0.0
    for source in sources:
        strength = _ratio(source[0], fused[0])
        if raw_ties:
            strength = torch.where(source[0] == fused[0], fused[0], strength)
        turn = 1 - (source[1] - fused[1]).abs() / (math.pi / 2)
        quality = _sigmoid(strength, 0.9994, 15, 0.5) * _sigmoid(turn, 0.9879, 22, 0.8)
        kept, total = kept + (quality * source[0]).sum((1, 2, 3)), total + source[0].sum((1, 2, 3))
    return torch.where(total > 0, kept / total, 1.0)


def nabf(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return N^AB/F: the artefacts, edges of the fused image stronger than in either source. Lower is better.

    Petrovic and Xydeas, Objective image fusion performance characterisation, 2005, in the corrected form of
    Shreyamsha Kumar, Multifocus and multispectral image fusion based on pixel significance, 2013 (strength 0.9999,
    19, 0.5; direction 0.9995, 22, 0.5; weights of exponent 1.5 where the gradient is at least 2, else 0.001). Sobel
    filters divided by 8, over reflected borders.

    Shape:
        N x 1 x H x W in [0, 255] three times, H and W at least 2, to N values in [0, 1].
    """
    fused, *sources = (_edges(image / 8, 'reflect') for image in as_double(fused, visible, infrared, side=2))
    lost = total = 0.0
    for source in sources:
        turn = (((source[1] - fused[1]).abs() - math.pi / 2).abs()) / (math.pi / 2)
        quality = _sigmoid(_ratio(source[0], fused[0]), 0.9999, 19, 0.5) * _sigmoid(turn, 0.9995, 22, 0.5)
        weight = torch.where(source[0] >= 2, source[0] ** 1.5, 0.001)
        lost, total = lost + (1 - quality.sqrt()) * weight, total + weight.sum((1, 2, 3))
    stronger = torch.stack([fused[0] > source[0] for source in sources]).all(0)
    return (lost * stronger).sum((1, 2, 3)) / total


def _edges(image: Tensor, border: str) -> tuple[Tensor, Tensor]:
    """Return strength and direction (-pi/2 to pi/2) of the edge at every pixel."""
    horizontal = image.new_tensor(_SOBEL)
    kernels = torch.stack([horizontal, -horizontal.T]).unsqueeze(1)
    x, y = F.conv2d(F.pad(image, (1, 1, 1, 1), mode=border), kernels).split(1, 1)
    direction = torch.where(x == 0, math.pi / 2, torch.atan(y / torch.where(x == 0, 1.0, x)))
    return (x.square() + y.square()).sqrt(), direction


def _ratio(x: Tensor, y: Tensor) -> Tensor:
    """Return the weaker over the stronger; 0 where there is no edge at all."""
    stronger = torch.maximum(x, y)
    return torch.where(stronger > 0, torch.minimum(x, y) / stronger.clamp(min=1e-12), 0.0)


def _sigmoid(x: Tensor, height: float, slope: float, middle: float) -> Tensor:
    return height * torch.sigmoid(slope * (x - middle))
