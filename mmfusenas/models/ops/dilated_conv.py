"""DC: the dilated convolution of TIM's fusion space."""
from torch import Tensor, nn

from mmfusenas.models.utils.cpu_layers import DepthwiseConv2d
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='dc')
class DilatedConv(nn.Module):
    """Dilated separable convolution (DC) of rate 2, plus the input.

    TIM, section 4.1: ReLU; depthwise k x k of dilation 2; pointwise; BatchNorm.

    Args:
        channels: Channels in and out.
        kernel_size: k, an odd number.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> DilatedConv(channels=8, kernel_size=5)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(),
            DepthwiseConv2d(channels, kernel_size, dilation=2),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x
