"""The physics step of haze."""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.registry import MODELS

_SHARE = 0.001
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
            raise ValueError(f'Scattering got window={window}; the side of a window is an odd number.')
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
        # Where both are near the light any transmission explains the picture.
        known = clear.abs() > _NEAR
        return ((y - light) / clear.where(known, clear.new_ones(()))).where(known, y.new_ones(())).clamp(0, 1)


def airlight(y: Tensor, window: int = 15) -> Tensor:
    """Return the light of the air in hazy pictures: the mean of the thousandth with the brightest dark channel.

    He et al., Single image haze removal using dark channel prior, CVPR 2009, section 4.3, plane by plane.

    Shape:
        N x 1 x H x W in [0, 1] to N x 1 x 1 x 1, without gradient.
    """
    y = y.detach()
    dark = -F.max_pool2d(-y, window, stride=1, padding=window // 2)
    count = max(1, round(_SHARE * y[0].numel()))
    places = dark.flatten(1).topk(count).indices
    return y.flatten(1).gather(1, places).mean(1).view(-1, 1, 1, 1)
