"""C_MS: the multi-scale cell of TIM's fusion network."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.cells.searched_ops import preprocess, searched_ops
from mmfusenas.models.utils.cpu_layers import OneSlopePReLU
from mmfusenas.registry import CELLS


@CELLS.register_module(name='multi_scale')
class MultiScaleCell(nn.Module):
    """Multi-scale cell (C_MS): two searched operators at three scales, merged by selective-kernel fusion.

    The scales hold C, 2C and 4C channels at full, half and quarter size; an operator choice is one decision for the
    three, with own weights at each. Any size works: the features are reflection-padded to a multiple of 4 before
    and cropped after, which changes nothing for multiples of 4.

    Args:
        channels: Channels in and out (C).
        operators: Short names of the candidate operators.

    Shape:
        N x C x H x W to the same; H and W at least 4.

    Example:
        >>> cell = MultiScaleCell(channels=8, operators=['rb_3', 'dc_3'])
        >>> SearchSpace(cell).relax()
        >>> cell(torch.rand(2, 8, 61, 83)).shape
        torch.Size([2, 8, 61, 83])
    """

    def __init__(self, channels: int, operators: Sequence[str]) -> None:
        super().__init__()
        self.preprocess = preprocess(channels)
        self.down2 = Downsample(channels)
        self.down4 = nn.Sequential(Downsample(channels), Downsample(2 * channels))
        self.ops = searched_ops(operators, (channels, 2 * channels, 4 * channels))
        self.up2 = Upsample(2 * channels)
        self.up4 = nn.Sequential(Upsample(4 * channels), Upsample(2 * channels))
        self.fusion = SelectiveKernelFusion(channels, inputs=3)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % 4, 0, -height % 4), mode='reflect') if height % 4 or width % 4 else x
        x = self.preprocess(x)
        scales = (x, self.down2(x), self.down4(x))
        for op in self.ops:
            scales = op(*scales)
        out = self.fusion(scales[0], self.up2(scales[1]), self.up4(scales[2])) + x
        return out[..., :height, :width]


class AntiAliasedStride(nn.Module):
    """Fixed [1 2 1] x [1 2 1] / 16 filter of stride 2 with reflection padding, depthwise."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer('kernel', (taps[:, None] * taps / 16).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode='reflect'), self.kernel, stride=2, groups=x.shape[1])


class Downsample(nn.Module):
    """Half the size, twice the channels: a convolutional branch plus an anti-aliased one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), OneSlopePReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), OneSlopePReLU(),
            AntiAliasedStride(channels), nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )
        self.side = nn.Sequential(AntiAliasedStride(channels), nn.Conv2d(channels, 2 * channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.side(x)


class Upsample(nn.Module):
    """Twice the size, half the channels: a transposed convolution branch plus a bilinear one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), OneSlopePReLU(),
            nn.ConvTranspose2d(channels, channels, 3, stride=2, padding=1, output_padding=1, bias=False),
            OneSlopePReLU(),
            nn.Conv2d(channels, channels // 2, 1, bias=False),
        )
        self.side = nn.Sequential(
            nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False),
            nn.Conv2d(channels, channels // 2, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.side(x)


class SelectiveKernelFusion(nn.Module):
    """Weighted sum of features; the weights are a softmax over the inputs for each channel."""

    def __init__(self, channels: int, inputs: int) -> None:
        super().__init__()
        hidden = max(channels // 8, 4)
        self.squeeze = nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=False), OneSlopePReLU())
        self.expand = nn.ModuleList(nn.Conv2d(hidden, channels, 1, bias=False) for _ in range(inputs))

    def forward(self, *inputs: Tensor) -> Tensor:
        squeezed = self.squeeze(sum(inputs).mean((2, 3), keepdim=True))
        weights = torch.stack([expand(squeezed) for expand in self.expand]).softmax(0)
        return sum(weight * x for weight, x in zip(weights, inputs, strict=True))
