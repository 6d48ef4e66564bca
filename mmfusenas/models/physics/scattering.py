"""The physics step of haze."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.registry import MODELS

_PART = 1000
_NEAR = 0.05


@MODELS.register_module()
class Scattering(nn.Module):
    r"""Haze, :math:`y = x t + A (1 - t)`: the guidance is the map of the transmission t.

    .. math:: z = \arg\min_z \lVert t z + A (1 - t) - y \rVert^2 + \rho \lVert z - x \rVert^2
        = \frac{t\, (y - A (1 - t)) + \rho x}{t^2 + \rho}

    Before the first stage has predicted t, it is 1. The light A is estimated once (:func:`airlight`).

    Args:
        window: Side of the window of the dark channel in pixels, odd. Defaults to 15.

    Shape:
        y, x, guidance: N x 1 x H x W in [0, 1]; z as x.

    Raises:
        ValueError: If the window is even.

    Example:
        >>> physics, y = Scattering(), torch.rand(1, 1, 32, 40)
        >>> physics(y, y, 0.0, torch.ones_like(y), physics.prepare(y)).allclose(y)
        True
    """

    takes_kernel, reads_observation = False, True

    def __init__(self, window: int = 15) -> None:
        super().__init__()
        if window < 1 or window % 2 == 0:
            raise InputError(f'Scattering got window={window}; the side of a window is an odd number.')
        self.window = window

    def prepare(self, y: Tensor, kernel: Tensor | None = None) -> dict[str, Tensor]:
        """Return what every stage needs of the observation: the light of the air, N x 1 x 1 x 1."""
        return dict(light=airlight(y, self.window))

    def forward(self, y: Tensor, x: Tensor, rho: float, guidance: Tensor | None, known: dict[str, Tensor]) -> Tensor:
        if guidance is None:
            return (y + rho * x) / (1 + rho)
        return (guidance * (y - known['light'] * (1 - guidance)) + rho * x) / (guidance.square() + rho)

    def truth(self, y: Tensor, reference: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the guidance as it should be: (y - A) / (x - A), 1 where the scene is as bright as the air."""
        light = airlight(y, self.window)
        clear = reference - light
        # Where both are near the light any transmission explains the image.
        known = clear.abs() > _NEAR
        return ((y - light) / clear.where(known, clear.new_ones(()))).where(known, y.new_ones(())).clamp(0, 1)


def airlight(y: Tensor, window: int = 15) -> Tensor:
    """Return the light of the air in hazy images: the mean where the dark channel is brightest.

    He et al., Single image haze removal using dark channel prior, CVPR 2009, section 4.3, plane by plane: the
    thousandth of the pixels, and those that are level with it.

    Shape:
        N x 1 x H x W in [0, 1] to N x 1 x 1 x 1, without gradient.
    """
    y = y.detach()
    dark = -F.max_pool2d(-y, window, stride=1, padding=window // 2)
    # A tensor, rounded up: in an export, the size of the image is one as well.
    last = torch.as_tensor((dark[0].numel() + _PART - 1) // _PART - 1, device=y.device)
    least = dark.flatten(1).sort(1, descending=True).values.index_select(1, last.view(1)).view(-1, 1, 1, 1)
    # All that are as bright as the last, since a window's minimum is that of its neighbours too: no order of equals.
    bright = (dark >= least).to(y)
    return (y * bright).sum((1, 2, 3), keepdim=True) / bright.sum((1, 2, 3), keepdim=True)
