"""The network of the Hadamard-based restoration."""
from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.models.cells.hadamard_unit import OPERATORS_HADAMARD, HadamardUnit
from mmfusenas.models.cells.linear_choice import LinearChoice
from mmfusenas.models.ops import build_operator
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS

OPERATORS_HADAMARD_CODER = ('c_5', 'c_1', 'c_3', 'c_3d2')
"""The candidates of encoder and decoder; widths change in their first and last slot, so none of them is residual."""

_UNIT = 4  # the encoder halves the sides twice


@MODELS.register_module()
class HadamardNet(Searchable, BaseModule):
    """Encoder, Hadamard units at a quarter of the size, decoder (Zhu et al., IJCAI 2022); no layer has a bias.

    With pairs ``x = x + slot(relu(slot(x)))``:

    - encoder: slot 3 -> C, two pairs of C, convolution 2 x 2 of stride 2 to 2C (the first skip), two pairs of 2C,
      another such convolution (the second skip);
    - ``num_units`` :class:`HadamardUnit` of 2C channels, one after the other;
    - decoder: the second skip is added, transposed convolution 2 x 2, two pairs of 2C; the first skip is added,
      transposed convolution to C, two pairs of C, slot C -> 3.

    Nothing bounds the output, and the input is not added to it.

    Args:
        genotype: None builds the supernet; a published name (``'hadamard-lol'``, ``'hadamard-mit'``,
            ``'hadamard-haze'``, ``'hadamard-underwater'``), a file, a dict or a Genotype builds the derived network.
        channels: C. Defaults to 16.
        num_units: Number of units. Defaults to 7.
        operators: Candidates of the units. Defaults to the nine of the paper.
        coder_operators: Candidates of encoder and decoder. Defaults to the four of the paper.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        N x 3 x H x W of any size from 3 x 3, reflected at the borders to multiples of 4 inside, to the same.

    Raises:
        ValueError: If the genotype is of another space, or a candidate is unknown.

    Example:
        >>> sum(p.numel() for p in HadamardNet('hadamard-lol').parameters())
        527840
    """

    def __init__(self, genotype: GenotypeSource | None = None, channels: int = 16, num_units: int = 7,
                 operators: Sequence[str] = OPERATORS_HADAMARD,
                 coder_operators: Sequence[str] = OPERATORS_HADAMARD_CODER, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        wide = 2 * channels
        self.encoder = _slots([(3, channels), *4 * [(channels, channels)], *4 * [(wide, wide)]], coder_operators)
        self.down = nn.ModuleList(nn.Conv2d(i, wide, 2, 2, bias=False) for i in (channels, wide))
        self.units = nn.Sequential(*(HadamardUnit(wide, operators) for _ in range(num_units)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(wide, o, 2, 2, bias=False) for o in (wide, channels))
        self.decoder = _slots([*4 * [(wide, wide)], *4 * [(channels, channels)], (channels, 3)], coder_operators)
        self.specialize(genotype)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        top, left = (-height % _UNIT // 2, -width % _UNIT // 2)
        x = F.pad(x, (left, -width % _UNIT - left, top, -height % _UNIT - top), mode='reflect')
        first = self.down[0](_pairs(self.encoder[1:5], self.encoder[0](x)))
        second = self.down[1](_pairs(self.encoder[5:], first))
        x = self.up[0](self.units(second) + second)
        x = self.up[1](_pairs(self.decoder[:4], x) + first)
        x = self.decoder[8](_pairs(self.decoder[4:8], x))
        return x[..., top:top + height, left:left + width]


def _slots(widths: Sequence[tuple[int, int]], operators: Sequence[str]) -> nn.ModuleList:
    return nn.ModuleList(
        LinearChoice({name: build_operator(name, i, out_channels=o, bias=False) for name in operators})
        for i, o in widths)


def _pairs(slots: nn.ModuleList, x: Tensor) -> Tensor:
    for first, second in zip(slots[::2], slots[1::2], strict=True):
        x = x + second(F.relu(first(x)))
    return x
