"""Loss terms of the Hadamard restoration that need no file of weights, as functions.

Every term takes image and reference, N x 3 x H x W, RGB in [0, 1], and gives a scalar. ``TERMS_OF`` has them by the
form of the loss and by name.
"""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.models.losses.ssim import ssim


def colour_angle(image: Tensor, reference: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Return the angle between the colours of two images at every pixel, in radians, 0 to pi.

    By the tangent, whose gradient is finite where the colours are parallel, unlike the arc cosine's.

    Shape:
        N x 3 x H x W twice, to N x H x W.

    Example:
        >>> red, green = torch.tensor([1., 0, 0]).view(1, 3, 1, 1), torch.tensor([0, 1., 0]).view(1, 3, 1, 1)
        >>> float(colour_angle(red, green)) * 2
        3.1415...
    """
    cross = torch.linalg.cross(image, reference, dim=1).square().sum(1)
    # Black has no colour: both parts are 0 there, and so is the angle.
    return torch.atan2((cross + epsilon**2).sqrt() - epsilon, (image * reference).sum(1) + epsilon)


def laplacian(x: Tensor) -> Tensor:
    """Return the Laplacian of every channel, of the four neighbours; the border reflects.

    Shape:
        N x C x H x W to the same.
    """
    padded = F.pad(x, (1, 1, 1, 1), mode='reflect')
    across = padded[..., 1:-1, 2:] + padded[..., 1:-1, :-2]
    return across + padded[..., 2:, 1:-1] + padded[..., :-2, 1:-1] - 4 * x


def angle_term(image: Tensor, reference: Tensor) -> Tensor:
    """Return the mean colour angle in radians."""
    return colour_angle(image, reference).mean()


def ten_degrees_term(image: Tensor, reference: Tensor) -> Tensor:
    """Return the mean colour angle in degrees, times 0.1."""
    return 18 / math.pi * colour_angle(image, reference).mean()


def ssim_term(image: Tensor, reference: Tensor) -> Tensor:
    """Return 1 - SSIM, of each channel."""
    return 1 - ssim(image.flatten(0, 1)[:, None], reference.flatten(0, 1)[:, None]).mean()


def variation_term(image: Tensor, reference: Tensor) -> Tensor:
    """Return the total variation of the image: the mean absolute differences of neighbours, across and down."""
    return image.diff(dim=-1).abs().mean() + image.diff(dim=-2).abs().mean()


def squared_variation_term(image: Tensor, reference: Tensor) -> Tensor:
    """Return twice the mean squared differences of the image's neighbours, across and down."""
    return 2 * (image.diff(dim=-1).square().mean() + image.diff(dim=-2).square().mean())


def laplacian_term(image: Tensor, reference: Tensor) -> Tensor:
    """Return the mean absolute difference of the Laplacians."""
    return laplacian(image - reference).abs().mean()


def roughness_term(image: Tensor, reference: Tensor) -> Tensor:
    """Return the mean square of the image's own Laplacian; the reference does not count."""
    return laplacian(image).square().mean()


_SHARED = dict(l1=F.l1_loss, l2=F.mse_loss, ssim=ssim_term)

TERMS_OF = dict(
    plain=dict(_SHARED, angle=angle_term, tv=variation_term, laplacian=laplacian_term),
    published=dict(_SHARED, angle=ten_degrees_term, tv=squared_variation_term, laplacian=roughness_term))
"""The terms by the form of the loss."""
