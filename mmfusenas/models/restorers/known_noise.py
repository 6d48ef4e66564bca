"""Noise of a known strength, to learn from where there are no clean images."""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

STRONGEST = 0.2
"""Largest standard deviation, in units of the [0, 1] image."""


def add_known_noise(u: Tensor, smooth: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Add Gaussian noise of random strength to images, smoothed before where they have noise of their own.

    Half the size by averaging takes most of the noise that the images have themselves. Gradients pass.

    Args:
        u: N x C x H x W in [0, 1].
        smooth: Whether to halve the size by averaging. Defaults to True.

    Returns:
        The noisy images and the clean ones, N x C x H/2 x W/2 in [0, 1] or, not smoothed, as ``u``, and the standard
        deviation of the noise of each, N x 1 x 1 x 1, uniform in [0, 0.2].

    Example:
        >>> noisy, clean, deviation = add_known_noise(torch.rand(2, 3, 64, 64))
        >>> noisy.shape, deviation.shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2, 1, 1, 1]))
    """
    clean = F.avg_pool2d(u, 2) if smooth else u
    deviation = STRONGEST * clean.new_empty(len(clean), 1, 1, 1).uniform_()
    return (clean + deviation * clean.new_empty(clean.shape).normal_()).clamp(0, 1), clean, deviation
