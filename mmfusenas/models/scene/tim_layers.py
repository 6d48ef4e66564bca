"""First and last layers of TIM's networks, and their search space."""
from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from mmfusenas.models.cells.width_choice import WidthChoice
from mmfusenas.models.utils.cpu_layers import OneSlopePReLU

OPERATORS_TIM = tuple(f'{kind}_{kernel}' for kernel in (3, 5) for kind in ('ca', 'sa', 'dc', 'rb', 'db', 'sc'))
"""The candidates of TIM section 4.1: six operators at kernels 3 and 5."""


def conv3(channels_in: int, channels_out: int) -> nn.Conv2d:
    """Build a 3 x 3 convolution that pads by reflection."""
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode='reflect')


def stem(channels: int, norm: bool = False, widths: Sequence[float] = ()) -> nn.Sequential:
    """Build conv 3 x 3, 2 -> 2C, PReLU, conv 3 x 3, 2C -> C, (BatchNorm), PReLU.

    With ``widths`` the channels between the convolutions are a :class:`WidthChoice` of these shares of 2C.
    """
    norms = [nn.BatchNorm2d(channels)] if norm else []
    layers = [conv3(2, 2 * channels), OneSlopePReLU(), conv3(2 * channels, channels)]
    return nn.Sequential(*([WidthChoice(layers, widths)] if widths else layers), *norms, OneSlopePReLU())


def head(channels: int, widths: Sequence[float] = ()) -> nn.Sequential:
    """Build conv 3 x 3, C -> C, PReLU, conv 3 x 3, C -> C/2, conv 1 x 1, C/2 -> 1.

    With ``widths`` the channels between the first two are a :class:`WidthChoice` of these shares of C.
    """
    layers = [conv3(channels, channels), OneSlopePReLU(), conv3(channels, channels // 2)]
    return nn.Sequential(*([WidthChoice(layers, widths)] if widths else layers), nn.Conv2d(channels // 2, 1, 1))
