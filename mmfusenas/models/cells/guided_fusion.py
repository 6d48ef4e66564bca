"""How the features of target and guidance come together: the fusion choices of DCNAS."""
from __future__ import annotations

import torch
from torch import Tensor, nn

from mmfusenas.models.utils.cpu_layers import OneSlopePReLU
from mmfusenas.nas import Choice


class Fusion(nn.Module):
    """Base of the operations on the two features of a level.

    Shape:
        target and guidance N x C x H x W to the same; the guidance may be None where it is not used.
    """

    guided = True
    """Whether the guidance is used."""


class NoFusion(Fusion):
    """Drop both features: nothing is added to what is being reconstructed."""

    guided = False

    def forward(self, target: Tensor, guidance: Tensor | None) -> Tensor:
        return torch.zeros_like(target)


class TargetOnly(Fusion):
    """Keep the target's feature (eq. 8)."""

    guided = False

    def forward(self, target: Tensor, guidance: Tensor | None) -> Tensor:
        return target


class GuidanceOnly(Fusion):
    """Keep the guidance's feature (eq. 8)."""

    def forward(self, target: Tensor, guidance: Tensor) -> Tensor:
        return guidance


class Sum(Fusion):
    """Sum of both features."""

    def forward(self, target: Tensor, guidance: Tensor) -> Tensor:
        return target + guidance


class Concat(Fusion):
    """ConcatPW (eq. 5): both features side by side, then a 1 x 1 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(2 * channels, channels, 1, bias=False)

    def forward(self, target: Tensor, guidance: Tensor) -> Tensor:
        return self.reduce(torch.cat([target, guidance], 1))


class GatedFeature(nn.Module):
    """sigmoid(conv 3 x 3) * PReLU(conv 3 x 3): a feature that says by itself where it counts."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(channels, channels, 3, padding=1)
        self.feature = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = OneSlopePReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(x).sigmoid() * self.act(self.feature(x))


class Attention(Fusion):
    """Attention (eqs. 6-7) with the network H of AHMF: both features gated, and weighed by channel against each other.

    The weights come from mean plus variance over all places of a feature that both are merged into. The two weighed
    features are halved and summed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(GatedFeature(channels) for _ in range(2))
        self.merge = nn.Sequential(nn.Conv2d(2 * channels, channels // 2, 3, padding=1), OneSlopePReLU())
        self.maps = nn.ModuleList(nn.Conv2d(channels // 2, channels, 1) for _ in range(2))

    def forward(self, target: Tensor, guidance: Tensor) -> Tensor:
        gated = [gate(x) for gate, x in zip(self.gates, (target, guidance))]
        merged = self.merge(torch.cat(gated, 1))
        variance, mean = torch.var_mean(merged, (2, 3), correction=0, keepdim=True)
        return sum(x * to_map(mean + variance).sigmoid() / 2 for x, to_map in zip(gated, self.maps))


def searched_fusion(channels: int) -> Choice:
    """Build the choice of one level: which features are kept, and how two are fused (DCNAS section III-B).

    Args:
        channels: Channels of both features and of the result.

    Example:
        >>> fusion = searched_fusion(8)
        >>> fusion.select('attention')
        >>> fusion(*torch.rand(2, 1, 8, 5, 7)).shape
        torch.Size([1, 8, 5, 7])
    """
    return Choice(dict(none=NoFusion(), target=TargetOnly(), guidance=GuidanceOnly(), sum=Sum(),
                       concat=Concat(channels), attention=Attention(channels)))
