"""Deviation, gradients, correlations and errors of the pixels."""
from __future__ import annotations

import torch
from torch import Tensor

from mmfusenas.evaluation.functional.images import as_double


def standard_deviation(fused: Tensor) -> Tensor:
    """Return the standard deviation (SD) of the pixels, divided by their number.

    Shape:
        N x 1 x H x W in [0, 255], to N values.
    """
    return as_double(fused)[0].flatten(1).std(1, correction=0)


def spatial_frequency(fused: Tensor) -> Tensor:
    """Return the spatial frequency (SF): sqrt(RF^2 + CF^2), the mean squared differences of neighbours.

    Eskicioglu and Fisher, Image quality measures and their performance, 1995. Each mean is over the differences that
    there are.

    Shape:
        N x 1 x H x W in [0, 255], H and W at least 2, to N values.
    """
    fused, = as_double(fused, side=2)
    return (fused.diff(dim=2).square().mean((1, 2, 3)) + fused.diff(dim=3).square().mean((1, 2, 3))).sqrt()


def average_gradient(fused: Tensor) -> Tensor:
    """Return the average gradient (AG): the mean of sqrt((dx^2 + dy^2) / 2).

    Central differences, one-sided at the border. As in the published evaluation suites the sum over the H x W pixels
    is divided by (H - 1)(W - 1).

    Shape:
        N x 1 x H x W in [0, 255], H and W at least 2, to N values.
    """
    fused, = as_double(fused, side=2)
    dy, dx = torch.gradient(fused, dim=(2, 3))
    pixels = (fused.shape[2] - 1) * (fused.shape[3] - 1)
    return ((dx.square() + dy.square()) / 2).sqrt().sum((1, 2, 3)) / pixels


def correlation_coefficient(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return the correlation coefficient (CC) of the fused image with the sources, the mean of the two.

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values in [-1, 1].
    """
    fused, visible, infrared = as_double(fused, visible, infrared)
    return (_correlation(fused, visible) + _correlation(fused, infrared)) / 2


def scd(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return the sum of the correlations of differences (SCD): corr(F - V, I) + corr(F - I, V).

    Aslantas and Bendes, A new image quality metric for image fusion, 2015.

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values in [-2, 2].
    """
    fused, visible, infrared = as_double(fused, visible, infrared)
    return _correlation(fused - visible, infrared) + _correlation(fused - infrared, visible)


def mse(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return the mean squared error to the two sources, the mean of both, of images scaled to [0, 1].

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values.
    """
    fused, *sources = as_double(fused, visible, infrared)
    return sum((fused - source).square().mean((1, 2, 3)) for source in sources) / 2 / 255**2


def psnr(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio in dB, of the mean squared error to both sources (:func:`mse`).

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values; infinite where all three are equal.
    """
    return -10 * mse(fused, visible, infrared).log10()


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    """Return the correlation coefficient of each pair; 0 where one of the two is flat."""
    x, y = (image.flatten(1) - image.flatten(1).mean(1, keepdim=True) for image in (x, y))
    size = (x.square().sum(1) * y.square().sum(1)).sqrt()
    return torch.where(size > 0, (x * y).sum(1) / size, 0.0)
