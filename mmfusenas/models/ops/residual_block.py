"""RB: the residual block of TIM's fusion space."""
from torch import Tensor, nn

from mmfusenas.models.utils.cpu_layers import DepthwiseConv2d, OneSlopePReLU
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='rb')
class ResidualBlock(nn.Module):
    """Residual block (RB): depthwise convolutions, a pointwise one, BatchNorm, PReLU, plus the input.

    TIM, section 4.1: depthwise k x k; depthwise 3 x 3 of dilation 2; pointwise; BatchNorm; PReLU of one slope.

    Args:
        channels: Channels in and out.
        kernel_size: k, an odd number.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> ResidualBlock(channels=8, kernel_size=3)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            DepthwiseConv2d(channels, kernel_size),
            DepthwiseConv2d(channels, 3, dilation=2),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            OneSlopePReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x
