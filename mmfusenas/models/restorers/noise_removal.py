"""The noise removal of RUAS."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.models.cells.distillation_cell import OPERATORS_RUAS, DistillationCell
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS


@MODELS.register_module()
class NoiseRemoval(Searchable, BaseModule):
    """The noise removal module Psi_r (RUAS section 5.1): searched cells estimate the noise, which is subtracted.

    Conv 3 x 3, 3 -> C; cells :class:`DistillationCell` one after the other, which share the architecture and not the
    weights; conv 3 x 3, C -> 3.

    Args:
        genotype: None builds the supernet; a published name (``'ruas-denoise'``, ``'ruas-denoise-cvpr'``), a file, a
            dict or a Genotype builds the derived network.
        channels: C. Defaults to 6.
        num_cells: Number of cells. Defaults to 3.
        operators: Short names of the candidate operators. Defaults to the paper's seven.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        N x 3 x H x W, RGB in [0, 1], to the same, not clamped.

    Raises:
        ValueError: If the genotype is of another space, or a candidate is unknown.

    Example:
        >>> sum(p.numel() for p in NoiseRemoval(genotype='ruas-denoise').parameters())
        5985
    """

    def __init__(self, genotype: GenotypeSource | None = None, channels: int = 6, num_cells: int = 3,
                 operators: Sequence[str] = OPERATORS_RUAS, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.num_cells = num_cells
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.cell = DistillationCell(channels, num_cells, operators)
        self.head = nn.Conv2d(channels, 3, 3, padding=1)
        self.specialize(genotype)

    def forward(self, u: Tensor) -> Tensor:
        x = self.stem(u)
        for stage in range(self.num_cells):
            x = self.cell(x, stage)
        return u - self.head(x)
