"""DB: the dense block of TIM's fusion space."""
import torch
from torch import Tensor, nn

from mmfusenas.models.utils.cpu_layers import OneSlopePReLU
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='db')
class DenseBlock(nn.Module):
    """Dense block (DB) of three grouped convolutions, each reading the input and all earlier outputs.

    TIM, section 4.1: ``out = 0.333 * x3 + x`` with one PReLU slope shared by the three; groups = channels.

    Args:
        channels: Channels in and out.
        kernel_size: k, an odd number.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> DenseBlock(channels=8, kernel_size=3)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(i * channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False)
            for i in (1, 2, 3)
        )
        self.act = OneSlopePReLU()

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for conv in self.convs:
            features.append(self.act(conv(torch.cat(features, 1))))
        return 0.333 * features[-1] + x
