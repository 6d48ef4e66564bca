"""The proxy of the hyper-guidance."""
from __future__ import annotations

from mmengine.model import Sequential
from torch import Tensor, nn

from mmfusenas.models.utils.bounded import bounded
from mmfusenas.nas import Proxy
from mmfusenas.registry import MODELS


@MODELS.register_module()
class GuidanceProxy(Proxy, Sequential):
    r"""The network :math:`H_\theta` that predicts the guidance map: 3 x 3 convolutions, each with ReLU.

    While it learns, the last ReLU is a bound: where the map is 0, a gradient that raises it passes. A map of a single
    channel that is 0 everywhere, which a few first steps of Adam can make it, would never learn again otherwise.

    Args:
        channels: Channels between the convolutions. Defaults to 64.
        layers: Number of convolutions. Defaults to 4: 1 - 64 - 64 - 64 - 1.
        init_value: About what a map is at first. Defaults to 0.1; a transmission begins at 1.
        frozen: Whether it stays as it was loaded, in a training where nothing teaches it. Defaults to False.
        init_cfg: Initialisation. Defaults to torch's, but for the last layer's bias.

    Shape:
        N x 1 x H x W to the same, at least 0.

    Raises:
        RuntimeError: In a training where nothing teaches it, and it is not frozen, see :class:`Proxy`.

    Example:
        >>> sum(p.numel() for p in GuidanceProxy().parameters())
        75073
    """

    def __init__(self, channels: int = 64, layers: int = 4, init_value: float = 0.1,
                 frozen: bool = False, init_cfg: dict | None = None) -> None:
        widths = (1, *(layers - 1) * (channels,), 1)
        steps = [layer for i, o in zip(widths, widths[1:]) for layer in (nn.Conv2d(i, o, 3, padding=1), nn.ReLU())]
        nn.init.constant_(steps[-2].bias, init_value)
        super().__init__(*steps, init_cfg=init_cfg)
        self.requires_grad_(False)
        self.is_fixed = frozen

    def forward(self, x: Tensor) -> Tensor:
        self.check_trained()
        *layers, last = self
        for layer in layers:
            x = layer(x)
        return bounded(x) if layers[-1].weight.requires_grad else last(x)
