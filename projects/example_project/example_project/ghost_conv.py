"""A candidate operator of one's own: ghost convolution."""
from __future__ import annotations

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='gc')
class GhostConv(nn.Module):
    """Ghost convolution (GC): half of the channels by a 1 x 1 convolution, the others from these, plus the input.

    Han et al., GhostNet, 2020, section 3.1. In a search config it goes by its short name, ``'gc_3'`` or ``'gc_5'``.

    Args:
        channels: Channels in and out.
        kernel_size: Kernel of the depthwise convolution that makes the second half, an odd number.
        norm_cfg: Norm of both convolutions. Defaults to BatchNorm. Necks give it to their operators; the cells of the
            fusion network do not.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> GhostConv(channels=8, kernel_size=3)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int, norm_cfg: dict | None = None) -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type='BN')
        primary = (channels + 1) // 2
        self.primary = ConvModule(channels, primary, 1, norm_cfg=norm_cfg)
        self.cheap = ConvModule(
            primary, primary, kernel_size, padding=kernel_size // 2, groups=primary, norm_cfg=norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        primary = self.primary(x)
        ghosts = self.cheap(primary)
        # An odd number of channels leaves one ghost over.
        return torch.cat([primary, ghosts], 1)[:, :x.shape[1]] + x
