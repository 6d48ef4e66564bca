"""C_FD: the feature-distillation cell of TIM's detection necks and segmentation decoders."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusenas.models.ops import build_operator
from mmfusenas.nas import Choice
from mmfusenas.registry import CELLS

OPERATORS_FD = ('conv_1', 'conv_3', 'conv_5', 'conv_7', 'dil_3', 'dil_5', 'dil_7', 'res_3', 'res_5', 'res_7', 'skip')
"""The candidates of TIM section 4.3: single convolutions, dilated and residual ones, and skip."""


@CELLS.register_module(name='feature_distillation')
class FeatureDistillationCell(nn.Module):
    """Feature-distillation cell (C_FD): a graph of searched edges whose nodes are concatenated and distilled.

    TIM section 4.3. Node 0 is the input at the cell's width; node j is the sum over i < j of edge i_j of node i,
    j = 1..nodes; every edge is kept and is one choice. The output is a 1 x 1 convolution of the concatenated nodes
    1..nodes: the distillation.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        channels: Width of the nodes. Defaults to 64.
        nodes: Number of nodes beside the input: 4 in detection (10 edges), 2 in segmentation (3 edges).
        operators: Short names of the candidate operators. Defaults to the paper's.
        norm_cfg: Norm of every convolution. Defaults to BatchNorm.

    Shape:
        N x in_channels x H x W to N x out_channels x H x W.

    Example:
        >>> cell = FeatureDistillationCell(16, 8, channels=8, nodes=2)
        >>> SearchSpace(cell).relax()
        >>> cell(torch.rand(2, 16, 15, 21)).shape
        torch.Size([2, 8, 15, 21])
    """

    def __init__(self, in_channels: int, out_channels: int, channels: int = 64, nodes: int = 4,
                 operators: Sequence[str] = OPERATORS_FD, norm_cfg: dict | None = None) -> None:
        super().__init__()
        self.nodes = nodes
        self.reduce = nn.Conv2d(in_channels, channels, 1)
        self.edges = nn.ModuleDict({
            f'{i}_{j}': Choice({name: build_operator(name, channels, norm_cfg=norm_cfg) for name in operators})
            for j in range(1, nodes + 1) for i in range(j)
        })
        self.distill = nn.Conv2d(nodes * channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        nodes = [self.reduce(x)]
        for j in range(1, self.nodes + 1):
            nodes.append(sum(self.edges[f'{i}_{j}'](nodes[i]) for i in range(j)))
        return self.distill(torch.cat(nodes[1:], 1))
