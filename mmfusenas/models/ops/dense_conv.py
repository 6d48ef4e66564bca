"""Dense: the two dense convolutions of the Hadamard restoration's search space."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='dense')
class DenseConv(nn.Module):
    """Two convolutions k x k, the second of which reads the input as well: ``conv([x, relu(conv(x))])``.

    Args:
        channels: Channels in and out.
        kernel_size: k, an odd number.
        bias: Whether the convolutions have one. Defaults to True; the Hadamard restoration has none.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> DenseConv(channels=8, kernel_size=3)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int, bias: bool = True) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Conv2d(i * channels, channels, kernel_size, padding=kernel_size // 2, bias=bias) for i in (1, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.cat([x, F.relu(self.first(x))], 1))
