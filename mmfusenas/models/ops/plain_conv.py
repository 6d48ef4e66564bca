"""C and DC: the convolutions of the search spaces of RUAS and of the Hadamard restoration."""
from __future__ import annotations

from torch import nn

from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='c')
class PlainConv(nn.Conv2d):
    """Convolution k x k and nothing else (m-C and n-d-DC of RUAS, table 1).

    Args:
        channels: Channels in.
        kernel_size: k, an odd number.
        dilation: Dilation rate d. Defaults to 1.
        out_channels: Channels out. Defaults to ``channels``.
        stride: Stride. Defaults to 1.
        bias: Whether there is one. Defaults to True; the Hadamard restoration has none.

    Shape:
        N x C x H x W to N x out_channels x H x W, divided by the stride and rounded up.

    Example:
        >>> PlainConv(channels=8, kernel_size=3, dilation=6, out_channels=4)(torch.rand(2, 8, 61, 83)).shape
        torch.Size([2, 4, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int, dilation: int = 1, out_channels: int | None = None,
                 stride: int = 1, bias: bool = True) -> None:
        super().__init__(channels, out_channels or channels, kernel_size, stride=stride,
                         padding=dilation * (kernel_size // 2), dilation=dilation, bias=bias)
