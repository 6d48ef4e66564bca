"""N_F: the fusion network of TIM."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.build import build_cell
from mmfusenas.models.scene.base_scene import BaseScene
from mmfusenas.models.scene.tim_layers import OPERATORS_TIM, head, stem
from mmfusenas.models.utils.checkpointed import checkpointed
from mmfusenas.nas import Choice, GenotypeSource, Searchable
from mmfusenas.registry import MODELS

CELLS_TIM = ('successive', 'decomposition', 'multi_scale')
"""The candidates of a cell's type: C_SC, C_DC, C_MS."""


@MODELS.register_module()
class TIMFusion(Searchable, BaseScene):
    """The searched fusion network N_F (TIM section 4.1).

    Stem: conv 3 x 3, 2 -> 2C, PReLU, conv 3 x 3, 2C -> C, PReLU; searched cells; head: conv 3 x 3, C -> C, PReLU,
    conv 3 x 3, C -> C/2, conv 1 x 1, C/2 -> 1. The 3 x 3 convolutions pad by reflection.

    Args:
        genotype: None builds the supernet; a published name (``'tim-light'``, ``'tim-full'``), a file, a dict or a
            Genotype builds the derived network.
        channels: C. Defaults to 48.
        num_cells: Number of cells. Defaults to 2.
        cells: Candidate types of a cell. Defaults to the paper's three.
        operators: Short names of the candidate operators. Defaults to the paper's twelve.
        order: Order in which the two lumas enter the stem. The published ``light`` was called with (visible,
            infrared), ``full`` with (infrared, visible). Defaults to ('visible', 'infrared').
        with_cp: Whether stem, cells and head are computed again in the backward pass instead of kept: less memory, more
            time, the same gradients. Defaults to False.
        loss, data_preprocessor, init_cfg: As in :class:`BaseScene`.
        widths: Candidate widths inside stem and head, as shares of the channels between their first two convolutions:
            ``(0.25, 0.5, 1.0)`` (:class:`WidthChoice`). Defaults to none: all of them.

    Shape:
        ``fuse``: N x 1 x H x W twice, to N x 1 x H x W; any H and W of at least 4.

    Raises:
        ValueError: If the genotype is of another space, a candidate is unknown, or ``order`` is not the two names.

    Example:
        >>> net = TIMFusion(genotype='tim-light')
        >>> sum(p.numel() for p in net.parameters())
        127358
        >>> net.fuse(torch.rand(1, 1, 61, 83), torch.rand(1, 1, 61, 83)).shape
        torch.Size([1, 1, 61, 83])
    """

    def __init__(self, genotype: GenotypeSource | None = None, channels: int = 48, num_cells: int = 2,
                 cells: Sequence[str] = CELLS_TIM, operators: Sequence[str] = OPERATORS_TIM,
                 order: Sequence[str] = ('visible', 'infrared'), with_cp: bool = False, loss: dict | None = None,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None,
                 widths: Sequence[float] = ()) -> None:
        super().__init__(loss, data_preprocessor, init_cfg)
        if sorted(order) != ['infrared', 'visible']:
            raise InputError(f"TIMFusion got order={order!r}; give 'visible' and 'infrared' in the order of the stem.")
        self.order = tuple(order)
        self.with_cp = with_cp
        self.stem = stem(channels, widths=widths)
        self.cells = nn.ModuleList(
            Choice({name: build_cell(name, channels=channels, operators=operators) for name in cells},
                   label='type')
            for _ in range(num_cells)
        )
        self.head = head(channels, widths)
        self.specialize(genotype)

    def fuse(self, visible: Tensor, infrared: Tensor) -> Tensor:
        sources = dict(visible=visible, infrared=infrared)
        x = torch.cat([sources[name] for name in self.order], 1)
        for layer in (self.stem, *self.cells, self.head):
            x = checkpointed(layer, x) if self.with_cp else layer(x)
        return x
