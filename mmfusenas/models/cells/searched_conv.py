"""A searched convolution from one width to another: what RUAS's task modules are made of."""
from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.ops import build_operator
from mmfusenas.nas import Choice

OPERATORS_RUAS_TASK = ('c_1', 'c_3', 'c_5', 'c_7', 'c_3d2', 'c_5d2', 'c_7d2', 'c_3d6', 'c_3d12', 'c_3d18')
"""Candidates of RUAS's high-level task modules (table 1): neither residual nor skip, so widths may change."""


def searched_conv(in_channels: int, out_channels: int, operators: Sequence[str] = OPERATORS_RUAS_TASK,
                  stride: int = 1) -> Choice:
    """Build a choice among convolutions.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        operators: Short names of the candidates. Defaults to the ten of RUAS, table 1.
        stride: Stride. Defaults to 1.

    Raises:
        ValueError: If a candidate is unknown, or cannot change the number of channels or the size.

    Example:
        >>> conv = searched_conv(8, 4, ('c_1', 'c_3d6'), stride=2)
        >>> conv.select('c_3d6')
        >>> conv(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 4, 31, 42])
    """
    return Choice({name: _candidate(name, in_channels, out_channels, stride) for name in operators})


def _candidate(name: str, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    try:
        return build_operator(name, in_channels, out_channels=out_channels, stride=stride)
    except TypeError as error:
        raise InputError(
            f'Candidate operator {name!r} cannot stand where {in_channels} channels become {out_channels} at a stride '
            f'of {stride}: it takes no out_channels and stride ({error}). Of the operators here c_K and c_KdR do.'
        ) from error
