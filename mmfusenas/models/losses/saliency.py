"""Which pixels stand out: the weights of the enhancement loss."""
from __future__ import annotations

import torch
from torch import Tensor

_LEVELS = 256


def histogram_contrast(image: Tensor) -> Tensor:
    """Return the contrast of every pixel with all others: ``M(i) = sum_j H(j) |j - i|`` (TIM section 4.2).

    H is the part of the pixels that have the grey level j, so M is the mean distance to the image's pixels.

    Shape:
        N x 1 x H x W in [0, 1] to the same, in [0, 1]. No gradient.
    """
    with torch.no_grad():
        levels = (image.detach() * (_LEVELS - 1)).round().clamp(0, _LEVELS - 1).long().flatten(1)
        ones = torch.ones_like(levels, dtype=image.dtype)
        histogram = image.new_zeros(len(levels), _LEVELS).scatter_add_(1, levels, ones) / levels.shape[1]
        grey = torch.arange(_LEVELS, dtype=image.dtype, device=image.device) / (_LEVELS - 1)
        contrast = histogram @ (grey - grey.unsqueeze(1)).abs()
        return contrast.gather(1, levels).view_as(image)


def saliency_weights(first: Tensor, second: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return M_A and M_B: the softmax, pixel by pixel, of the two contrasts divided by ``temperature``.

    Shape:
        N x 1 x H x W twice, to two of the same that sum to 1. No gradient.
    """
    contrasts = torch.stack([histogram_contrast(first), histogram_contrast(second)])
    return tuple((contrasts / temperature).softmax(0).unbind(0))
