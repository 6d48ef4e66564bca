"""One convolution with norm and ReLU: the edges of the feature-distillation cell."""
from __future__ import annotations

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='conv')
class NormConv(nn.Module):
    """Convolution k x k, norm, ReLU (TIM, section 4.3: k in {1, 3, 5, 7}).

    Args:
        channels: Channels in and out.
        kernel_size: k, an odd number.
        norm_cfg: Norm layer. Defaults to BatchNorm; GroupNorm suits a batch of one.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> NormConv(channels=8, kernel_size=7)(torch.rand(2, 8, 61, 83)).shape
        torch.Size([2, 8, 61, 83])
    """

    dilation = 1

    def __init__(self, channels: int, kernel_size: int, norm_cfg: dict | None = None) -> None:
        super().__init__()
        self.conv = ConvModule(
            channels, channels, kernel_size, padding=self.dilation * (kernel_size // 2), dilation=self.dilation,
            norm_cfg=norm_cfg or dict(type='BN'),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)
