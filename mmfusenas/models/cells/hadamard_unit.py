"""The unit of the Hadamard restoration."""
from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.cells.linear_choice import LinearChoice
from mmfusenas.models.ops import build_operator
from mmfusenas.registry import CELLS

OPERATORS_HADAMARD = ('skip', 'c_1', 'c_3', 'c_3d2', 'rc_1', 'rc_3', 'rc_3d2', 'dense_1', 'dense_3')
"""The candidates of a unit: skip, convolutions, a dilated one, their residual forms, and dense ones."""

_DEPTH = 4


class Branch(nn.Module):
    """Searched operators one after the other, each with BatchNorm without weights after it, and ReLU in between."""

    def __init__(self, channels: int, operators: Sequence[str]) -> None:
        super().__init__()
        self.slots = nn.ModuleList(
            LinearChoice({name: build_operator(name, channels, bias=False) for name in operators})
            for _ in range(_DEPTH))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels, affine=False) for _ in range(_DEPTH))

    def forward(self, x: Tensor) -> Tensor:
        for i, (slot, norm) in enumerate(zip(self.slots, self.norms)):
            x = norm(slot(F.relu(x) if i else x))
        return x


@CELLS.register_module(name='hadamard')
class HadamardUnit(nn.Module):
    r"""Hadamard unit (Zhu et al., IJCAI 2022): the model :math:`y = u \otimes t` of an observation, inverted.

    Two branches of four searched operators, built the same way, read the same features: :math:`R = \mathrm{ReLU}(x +
    b_1(x))` and :math:`I = \mathrm{ReLU}(x + b_2(x))`; the output is :math:`R / \sigma(I)`. So the illumination
    (transmission) :math:`t = \sigma(I)` lies in [0.5, 1), and a unit at most doubles what it restored.

    Args:
        channels: Channels in and out. Defaults to 32.
        operators: Short names of the candidate operators. Defaults to the nine of the paper.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> unit = HadamardUnit(channels=8)
        >>> SearchSpace(unit).relax()
        >>> unit(torch.rand(2, 8, 15, 20)).shape
        torch.Size([2, 8, 15, 20])
    """

    def __init__(self, channels: int = 32, operators: Sequence[str] = OPERATORS_HADAMARD) -> None:
        super().__init__()
        self.restored = Branch(channels, operators)
        self.degradation = Branch(channels, operators)

    def forward(self, x: Tensor) -> Tensor:
        restored, degradation = (F.relu(x + branch(x)) for branch in (self.restored, self.degradation))
        return restored / degradation.sigmoid()
