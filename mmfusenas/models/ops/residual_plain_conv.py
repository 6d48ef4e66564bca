"""RC and RDC: the residual convolutions of the search spaces of RUAS and of the Hadamard restoration."""
from __future__ import annotations

from torch import Tensor

from mmfusenas.models.ops.plain_conv import PlainConv
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='rc')
class ResidualPlainConv(PlainConv):
    """Convolution k x k, plus the input (m-RC and 3-2-RDC of RUAS, table 1).

    Args:
        channels: Channels in and out.
        kernel_size: k, an odd number.
        dilation: Dilation rate. Defaults to 1.
        bias: Whether there is one. Defaults to True.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> ResidualPlainConv(channels=3, kernel_size=3, dilation=2)(torch.rand(2, 3, 61, 83)).shape
        torch.Size([2, 3, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int, dilation: int = 1, bias: bool = True) -> None:
        super().__init__(channels, kernel_size, dilation, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x
