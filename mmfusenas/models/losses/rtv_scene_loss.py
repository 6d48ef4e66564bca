"""The scene loss of RUAS: fidelity and relative total variation."""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.utils.gaussian_window import gaussian_window
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.registry import MODELS


@MODELS.register_module()
class RTVSceneLoss(nn.Module):
    r"""Unsupervised loss of the illumination (RUAS section 3.2).

    :math:`\lVert t - y \rVert^2 + \eta \lVert t \rVert_{RTV}`: the illumination is to stay near the image, and to be
    smooth but for its structure.

    Args:
        eta: Weight of the relative total variation. The paper names none. Defaults to 0.1; with less the images come
            out too bright.
        sigma: Standard deviation of its window in pixels. Defaults to 3.0, as Xu et al. have it.

    Shape:
        t, y: N x 3 x H x W in [0, 1]; result: dict of scalars, means over pixels and channels.

    Example:
        >>> sorted(RTVSceneLoss()(*torch.rand(2, 2, 3, 61, 83)))
        ['loss_fidelity', 'loss_rtv']
    """

    def __init__(self, eta: float = 0.1, sigma: float = 3.0) -> None:
        super().__init__()
        self.eta = eta
        self.sigma = sigma

    def forward(self, t: Tensor, y: Tensor) -> dict[str, Tensor]:
        return dict(loss_fidelity=F.mse_loss(t, y), loss_rtv=self.eta * relative_total_variation(t, self.sigma).mean())


@in_full_precision  # quotients of small differences
def relative_total_variation(x: Tensor, sigma: float = 3.0, epsilon: float = 1e-3) -> Tensor:
    r"""Return the relative total variation of each image (Xu et al., Structure extraction from texture, 2012, eq. 5).

    The mean over pixels of :math:`\frac{G * |\partial_x x|}{|G * \partial_x x| + \epsilon}` and the same in y: the
    total variation in a Gaussian window over the inherent variation, which texture cancels and structure does not.

    Args:
        x: Images.
        sigma: Standard deviation of the window G in pixels, which is cut off at three of them. Defaults to 3.0.
        epsilon: Keeps the quotient finite where nothing changes. Defaults to 1e-3.

    Shape:
        N x C x H x W to N; H and W at least 2.
    """
    quotients, reach = [], max(1, round(3 * sigma))
    for gradient in (x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]):
        total, inherent = (gaussian_window(part, sigma, reach) for part in (gradient.abs(), gradient))
        quotients.append((total / (inherent.abs() + epsilon)).mean((1, 2, 3)))
    return quotients[0] + quotients[1]
