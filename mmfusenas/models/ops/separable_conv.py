"""SC: the separable convolution of TIM's fusion space."""
from torch import Tensor, nn

from mmfusenas.models.utils.cpu_layers import DepthwiseConv2d
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='sc')
class SeparableConv(nn.Module):
    """Separable convolution (SC), applied twice; no residual connection.

    TIM, section 4.1: twice (ReLU; depthwise k x k; pointwise; BatchNorm).

    Args:
        channels: Channels in and out.
        kernel_size: k, an odd number.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> SeparableConv(channels=8, kernel_size=5)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.ReLU(),
                DepthwiseConv2d(channels, kernel_size),
                nn.Conv2d(channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            ]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
