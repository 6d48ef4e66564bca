"""The physics step of rain."""
from __future__ import annotations

from torch import Tensor, nn

from mmfusenas.registry import MODELS


@MODELS.register_module()
class AdditiveLayer(nn.Module):
    r"""A layer in front of the scene, y = x + s: the guidance is the map s of the streaks of rain.

    .. math:: z = \arg\min_z \lVert z + s - y \rVert^2 + \rho \lVert z - x \rVert^2 = \frac{y - s + \rho x}{1 + \rho}

    Before the first stage has predicted s, it is 0.

    Shape:
        y, x, guidance: N x 1 x H x W in [0, 1]; z as x.

    Example:
        >>> y = torch.full((1, 1, 4, 6), 0.75)
        >>> float(AdditiveLayer()(y, y, 0.0, torch.full_like(y, 0.25), {}).mean())
        0.5
    """

    takes_kernel, reads_observation = False, True

    def prepare(self, y: Tensor, kernel: Tensor | None = None) -> dict[str, Tensor]:
        """Return what every stage needs of the observation: nothing but itself."""
        return {}

    def forward(self, y: Tensor, x: Tensor, rho: float, guidance: Tensor | None, known: dict[str, Tensor]) -> Tensor:
        layer = y if guidance is None else y - guidance
        return (layer + rho * x) / (1 + rho)

    def truth(self, y: Tensor, reference: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the guidance as it should be: what the observation has more than the reference."""
        return (y - reference).clamp(min=0)
