"""The noise estimation of RUAS."""
from __future__ import annotations

from mmengine.model import Sequential
from torch import Tensor, nn

from mmfusenas.models.restorers.known_noise import add_known_noise
from mmfusenas.registry import MODELS


@MODELS.register_module()
class NoiseEstimation(Sequential):
    """The noise estimation module Psi_e (RUAS section 5.1): five convolutions that give a map of the noise.

    The mean absolute value of the map is the noise level of an image. The paper does not say how the module is
    trained; here it learns the standard deviation of Gaussian noise that is added to smoothed images.

    Args:
        channels: Channels between the convolutions. Defaults to 32.
        init_cfg: Initialisation. Defaults to Kaiming for the convolutions.

    Shape:
        N x 3 x H x W, RGB in [0, 1], to the same.

    Example:
        >>> sum(p.numel() for p in NoiseEstimation().parameters())
        29507
    """

    def __init__(self, channels: int = 32, init_cfg: dict | None = None) -> None:
        layers: list[nn.Module] = []
        for i, o in ((3, channels), *3 * ((channels, channels),)):
            layers += [nn.Conv2d(i, o, 3, padding=1), nn.ReLU()]
        super().__init__(*layers, nn.Conv2d(channels, 3, 3, padding=1),
                         init_cfg=init_cfg or dict(type='Kaiming', layer='Conv2d'))

    def level(self, u: Tensor) -> Tensor:
        """Return the noise level of each image, N numbers."""
        return self(u).abs().mean((1, 2, 3))

    def loss(self, u: Tensor) -> dict[str, Tensor]:
        """Return the error of the estimate on smoothed images with noise of a known strength."""
        noisy, _, deviation = add_known_noise(u.detach())  # no scene module should make noise easier to see
        return dict(loss_noise=(self(noisy) - deviation).abs().mean())
