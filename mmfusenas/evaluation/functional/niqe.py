"""How natural an image looks, without a reference."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.core.errors import InputError

BLOCK = 96
"""Side of the blocks in pixels, as those that the model of natural images was fitted to."""

NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


class NaturalModel(NamedTuple):
    """Mean (36) and covariance (36 x 36) of the features of natural images."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def load(cls, path: str) -> NaturalModel:
        """Read the authors' model from ``niqe_pris_params.npz``, as mmagic and BasicSR ship it.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is another file.
        """
        try:
            with np.load(Path(path).expanduser(), allow_pickle=False) as file:
                model = cls(*(torch.from_numpy(file[name]).double() for name in ('mu_pris_param', 'cov_pris_param')))
        except (KeyError, ValueError, TypeError, AttributeError, EOFError, BadZipFile) as error:
            raise InputError(f'{path} is no niqe_pris_params.npz, which holds mu_pris_param and cov_pris_param: '
                             f'{error}') from error
        return cls(model.mean.flatten(), model.covariance)


def niqe(image: Tensor, model: NaturalModel) -> Tensor:
    """Natural image quality evaluator (Mittal et al., SPL 2013, eq. 10): lower is more natural.

    The distance between a Gaussian fitted to the features of the image's blocks of 96 x 96 and that of natural
    images; what is left over at the right and below is not looked at, and blocks without any texture are left out.

    Args:
        image: Luma, N x 1 x H x W in [0, 255].
        model: Of natural images.

    Returns:
        N distances; NaN where fewer than two blocks have texture.

    Raises:
        ValueError: If an image is too small for two blocks.

    Example:
        >>> model = NaturalModel(torch.zeros(36), torch.eye(36))
        >>> niqe(255 * torch.rand(1, 1, 192, 192), model).shape
        torch.Size([1])
    """
    rows, columns = (side // BLOCK for side in image.shape[2:])
    if rows * columns < 2:
        raise InputError(f'NIQE needs two blocks of {BLOCK} x {BLOCK}; got an image of '
                         f'{image.shape[2]} x {image.shape[3]}.')
    image = image[..., :rows * BLOCK, :columns * BLOCK].double().round()
    half = F.interpolate(image, scale_factor=0.5, mode='bicubic', antialias=True)
    features = torch.cat([_features(_blocks(_normalized(x), side)) for x, side in
                          ((image, BLOCK), (half, BLOCK // 2))], -1)
    return torch.stack([_distance(rows[~rows.isnan().any(1)], model) for rows in features])


def _normalized(image: Tensor) -> Tensor:
    """Mean-subtracted, contrast-normalized coefficients (eq. 1)."""
    window = torch.exp(-torch.arange(-3, 4, dtype=torch.float64, device=image.device).square() / (2 * (7 / 6) ** 2))
    window = (window.outer(window) / window.sum() ** 2)[None, None]
    mean, square = (F.conv2d(F.pad(x, [3] * 4, mode='replicate'), window) for x in (image, image.square()))
    return (image - mean) / ((square - mean.square()).abs().sqrt() + 1)


def _blocks(image: Tensor, side: int) -> Tensor:
    """Return the blocks of images N x 1 x H x W, N x blocks x side x side."""
    return F.unfold(image, side, stride=side).transpose(1, 2).unflatten(2, (side, side))


def _features(blocks: Tensor) -> Tensor:
    """Return the 18 features of blocks (section 2, B): ... x side x side to ... x 18."""
    shape, left, right, _ = _asymmetric_gaussian(blocks)
    features = [shape, (left + right) / 2]
    for shift in NEIGHBOURS:
        shape, left, right, ratio = _asymmetric_gaussian(blocks * blocks.roll(shift, (-2, -1)))
        features += [shape, (right - left) * ratio, left, right]
    return torch.stack(features, -1)


def _asymmetric_gaussian(blocks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Fit asymmetric generalized Gaussians by moments; return shape, both scales, and Gamma(2/a) / Gamma(1/a)."""
    x = blocks.flatten(-2)
    left, right = ((x.square() * side).sum(-1).div(side.sum(-1)).sqrt() for side in (x < 0, x > 0))
    ratio = left / right
    moments = x.abs().mean(-1).square() / x.square().mean(-1)
    moments = moments * (ratio ** 3 + 1) * (ratio + 1) / (ratio.square() + 1).square()
    grid = torch.arange(0.2, 10.001, 0.001, dtype=x.dtype, device=x.device)
    expected = (2 * torch.lgamma(2 / grid) - torch.lgamma(1 / grid) - torch.lgamma(3 / grid)).exp()
    shape = grid[(expected - moments[..., None]).abs().argmin(-1)]
    scale = (0.5 * (torch.lgamma(1 / shape) - torch.lgamma(3 / shape))).exp()
    return shape, left * scale, right * scale, (torch.lgamma(2 / shape) - torch.lgamma(1 / shape)).exp()


def _distance(features: Tensor, model: NaturalModel) -> Tensor:
    """Return the distance of an image's features, blocks x 36, to the model (eq. 10)."""
    if len(features) < 2:
        return features.new_tensor(float('nan'))
    mean, covariance = (x.to(features) for x in model)
    difference = mean - features.mean(0)
    inverse = torch.linalg.pinv((covariance + torch.cov(features.T)) / 2)
    return (difference @ inverse @ difference).sqrt()
