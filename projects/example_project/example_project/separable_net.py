"""A backbone of one's own: a small stack of separable convolutions."""
from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn

from mmfusenas.registry import MODELS


@MODELS.register_module()
class SeparableNet(BaseModule):
    """Stem of stride 2, then stages of two separable convolutions, each stage of stride 2.

    Registered in mmfusenas, so a config names it ``type='mmfusenas.SeparableNet'`` inside an mmdet model. Nothing
    says how many channels its levels have: the detector asks the backbone.

    Args:
        channels: Channels of the stem and of each stage. Defaults to (16, 32, 64, 96, 128): strides 2 to 32.
        out_indices: Stages to return, counted from 0 behind the stem. Defaults to (1, 2, 3), strides 8, 16, 32.
        init_cfg: Initialisation. Defaults to Kaiming for the convolutions.

    Shape:
        N x 3 x H x W to a tuple of N x C x H / stride x W / stride.

    Raises:
        ValueError: On a stage that does not exist.

    Example:
        >>> [tuple(x.shape) for x in SeparableNet()(torch.rand(1, 3, 64, 96))]
        [(1, 64, 8, 12), (1, 96, 4, 6), (1, 128, 2, 3)]
    """

    def __init__(self, channels: Sequence[int] = (16, 32, 64, 96, 128), out_indices: Sequence[int] = (1, 2, 3),
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        stages = len(channels) - 1
        if not set(out_indices) <= set(range(stages)):
            raise ValueError(f'SeparableNet got out_indices={tuple(out_indices)}; its stages are 0-{stages - 1}.')
        self.out_indices = tuple(out_indices)
        self.stem = ConvModule(3, channels[0], 3, stride=2, padding=1, norm_cfg=dict(type='BN'))
        self.stages = nn.ModuleList(
            Sequential(_separable(channels[i], channels[i + 1], stride=2), _separable(channels[i + 1], channels[i + 1]))
            for i in range(stages))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.stem(x)
        outputs = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in self.out_indices:
                outputs.append(x)
        return tuple(outputs)


def _separable(channels_in: int, channels_out: int, stride: int = 1) -> nn.Module:
    return DepthwiseSeparableConvModule(
        channels_in, channels_out, 3, stride=stride, padding=1, norm_cfg=dict(type='BN'))
