"""C_DC: the decomposition cell of TIM's fusion network."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusenas.models.cells.searched_ops import searched_ops
from mmfusenas.models.utils.cpu_layers import DepthwiseConv2d, OneSlopePReLU
from mmfusenas.models.utils.guided_filter import guided_filter
from mmfusenas.registry import CELLS


@CELLS.register_module(name='decomposition')
class DecompositionCell(nn.Module):
    """Decomposition cell (C_DC): two searched operators on the low and on the high frequencies.

    Six guided filters (radii 2, 4, 8; eps 1e-3, 1e-4), guided by the residue between the channels' maximum and
    minimum, give six low-pass versions of the features; high = input - low. An operator choice is one decision for
    both frequencies, with own weights for each.

    Args:
        channels: Channels in and out.
        operators: Short names of the candidate operators.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> cell = DecompositionCell(channels=8, operators=['rb_3', 'dc_3'])
        >>> SearchSpace(cell).relax()
        >>> cell(torch.rand(2, 8, 61, 83)).shape
        torch.Size([2, 8, 61, 83])
    """

    radii = (2, 4, 8)
    epsilons = (1e-3, 1e-4)

    def __init__(self, channels: int, operators: Sequence[str]) -> None:
        super().__init__()
        filters = len(self.radii) * len(self.epsilons)
        self.reduce_low = nn.Conv2d(filters * channels, channels, 1, bias=False)
        self.reduce_high = nn.Conv2d(filters * channels, channels, 1, bias=False)
        self.ops = searched_ops(operators, (channels, channels))
        self.merge = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.enhance = EnhanceBlock(channels)

    def forward(self, x: Tensor) -> Tensor:
        guide = x.amax(1, keepdim=True) - x.amin(1, keepdim=True)
        low = [guided_filter(guide, x, radius, eps) for radius in self.radii for eps in self.epsilons]
        high = [x - part for part in low]
        parts = (self.reduce_low(torch.cat(low, 1)), self.reduce_high(torch.cat(high, 1)))
        for op in self.ops:
            parts = op(*parts)
        return self.enhance(self.merge(torch.cat(parts, 1)))


class EnhanceBlock(nn.Module):
    """Three depthwise convolutions of dilation 2 (5, 3, 3), pointwise, BatchNorm, PReLU, plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        depthwise = [DepthwiseConv2d(channels, kernel_size, dilation=2) for kernel_size in (5, 3, 3)]
        self.body = nn.Sequential(
            *depthwise, nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), OneSlopePReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x
