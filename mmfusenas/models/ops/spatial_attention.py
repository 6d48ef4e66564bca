"""SA: the spatial attention of TIM's fusion space."""
import torch
from torch import Tensor, nn

from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='sa')
class SpatialAttention(nn.Module):
    """Spatial attention (SA): the input rescaled by a map made of its channel maximum and mean.

    TIM, section 4.1: [max, mean] over the channels; conv k x k, 2 -> 1; sigmoid; rescale.

    Args:
        channels: Channels in and out (the map has one channel whatever their number).
        kernel_size: k, an odd number.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> SpatialAttention(channels=8, kernel_size=3)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * self.conv(pooled).sigmoid()
