"""SC: the separable convolution of TIM's fusion space."""
from torch import Tensor, nn

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
                nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False),
                nn.Conv2d(channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            ]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
