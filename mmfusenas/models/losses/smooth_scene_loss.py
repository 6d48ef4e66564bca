"""The scene loss of RUAS's first version: fidelity and edge-aware smoothness."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.registry import MODELS

_REACH = 2
# One of each two opposite neighbours: differences do not know a direction.
_NEIGHBOURS = [(dy, dx) for dy in range(_REACH + 1) for dx in range(-_REACH, _REACH + 1) if (dy, dx) > (0, 0)]


@MODELS.register_module()
class SmoothSceneLoss(nn.Module):
    r"""Unsupervised loss of the illumination (RUAS, CVPR 2021): :math:`\frac12 \lVert t - y \rVert^2 + \ell_{smooth}`.

    The smoothness is the sum of :math:`w_{ij} \lvert t_i - t_j \rvert` over the 24 neighbours j, the mean over pixels
    i and channels, with :math:`w_{ij} = \exp(-\lVert y_i - y_j \rVert^2 / 2 \sigma^2)`: where the image has an edge,
    the illumination may have one.

    Args:
        smoothness: Weight of the smoothness. Defaults to 1.0.
        sigma: Difference of colour, in [0, 1], that makes an edge. Defaults to 0.1.

    Shape:
        t, y: N x 3 x H x W in [0, 1], H and W at least 3; result: dict of scalars.

    Example:
        >>> sorted(SmoothSceneLoss()(*torch.rand(2, 2, 3, 61, 83)))
        ['loss_fidelity', 'loss_smooth']
    """

    def __init__(self, smoothness: float = 1.0, sigma: float = 0.1) -> None:
        super().__init__()
        self.smoothness = smoothness
        self.sigma = sigma

    @in_full_precision  # differences of neighbours
    def forward(self, t: Tensor, y: Tensor) -> dict[str, Tensor]:
        terms = []
        for dy, dx in _NEIGHBOURS:
            (t_i, t_j), (y_i, y_j) = (_shifted(x, dy, dx) for x in (t, y))
            weight = torch.exp(-(y_i - y_j).square().sum(1) / (2 * self.sigma ** 2))
            terms.append((weight * (t_i - t_j).abs().mean(1)).mean())
        return dict(loss_fidelity=0.5 * F.mse_loss(t, y), loss_smooth=2 * self.smoothness * sum(terms))


def _shifted(x: Tensor, dy: int, dx: int) -> tuple[Tensor, Tensor]:
    """Return every pixel that has the neighbour (dy, dx), and these neighbours; dy is at least 0."""
    height, width = x.shape[2:]
    left, right = max(0, -dx), min(width, width - dx)
    return x[..., :height - dy, left:right], x[..., dy:, left + dx:right + dx]
