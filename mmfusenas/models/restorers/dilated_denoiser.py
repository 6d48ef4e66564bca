"""The denoiser of the hyper-guided restoration."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import Sequential
from torch import nn

from mmfusenas.registry import MODELS


@MODELS.register_module()
class DilatedDenoiser(Sequential):
    """3 x 3 convolutions of rising and falling dilation, with ReLU in between, that predict what to take away.

    Args:
        in_channels: 2 with the guidance map as a further channel, 1 without. Defaults to 2.
        channels: Channels between the convolutions. Defaults to 64.
        dilations: Dilation of each. Defaults to (1, 2, 3, 4, 4, 4, 3, 2, 1); the tiny form has (1, 2, 3, 3, 2, 1).
        init_cfg: Initialisation. Defaults to torch's, by which little is taken away at first.

    Shape:
        N x in_channels x H x W to N x 1 x H x W.

    Example:
        >>> sum(p.numel() for p in DilatedDenoiser().parameters())
        260289
    """

    def __init__(self, in_channels: int = 2, channels: int = 64,
                 dilations: Sequence[int] = (1, 2, 3, 4, 4, 4, 3, 2, 1), init_cfg: dict | None = None) -> None:
        widths = (in_channels, *(len(dilations) - 1) * (channels,), 1)
        steps: list[nn.Module] = []
        for i, o, rate in zip(widths, widths[1:], dilations):
            steps += [nn.Conv2d(i, o, 3, padding=rate, dilation=rate), nn.ReLU()]
        super().__init__(*steps[:-1], init_cfg=init_cfg)
