"""The skip connection as a candidate operator."""
from __future__ import annotations

from torch import nn

from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='skip')
class Skip(nn.Identity):
    """Skip connection: the input unchanged. Takes the arguments of the other edges and needs none of them.

    Example:
        >>> Skip(channels=8)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, norm_cfg: dict | None = None, bias: bool = True) -> None:
        super().__init__()
