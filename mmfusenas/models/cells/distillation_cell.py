"""C_s: the distillation cell of RUAS."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.cells.linear_choice import LinearChoice, PerStage
from mmfusenas.models.ops import build_operator
from mmfusenas.registry import CELLS

OPERATORS_RUAS = ('skip', 'c_1', 'c_3', 'c_3d2', 'rc_1', 'rc_3', 'rc_3d2')
"""The candidates of RUAS section 4.1: 1-C, 3-C, 3-2-DC, their residual forms, and skip."""

_SEARCHED = 7
SLOPE = 0.05


@CELLS.register_module(name='distillation')
class DistillationCell(nn.Module):
    """Distillation cell C_s (RUAS section 4.1): seven searched operators o1..o7, three of whose features are kept.

    With act = LeakyReLU(0.05), d_i = act(o_{2i-1}(r_{i-1})) and r_i = act(o_{2i}(r_{i-1}) + r_{i-1}) for i = 1, 2, 3,
    r_0 the input, and r_4 = act(o_7(r_3)), the output is a 1 x 1 convolution of d_1, d_2, d_3 and r_4. The stages of a
    network share these decisions, not the weights.

    Args:
        channels: Channels in and out (C): 3 in the scene module, 6 in noise removal.
        stages: Number of times that the cell is used, each with weights of its own. Defaults to 1.
        operators: Short names of the candidate operators. Defaults to the paper's seven.

    Shape:
        N x C x H x W and the number of the stage, to N x C x H x W.

    Example:
        >>> cell = DistillationCell(channels=3, stages=2)
        >>> SearchSpace(cell).relax()
        >>> cell(torch.rand(2, 3, 61, 83), stage=1).shape
        torch.Size([2, 3, 61, 83])
    """

    def __init__(self, channels: int, stages: int = 1, operators: Sequence[str] = OPERATORS_RUAS) -> None:
        super().__init__()
        self.ops = nn.ModuleList(
            LinearChoice({name: PerStage(build_operator(name, channels) for _ in range(stages)) for name in operators})
            for _ in range(_SEARCHED))
        self.distill = nn.ModuleList(nn.Conv2d(4 * channels, channels, 1) for _ in range(stages))

    def forward(self, x: Tensor, stage: int = 0) -> Tensor:
        kept = []
        for distilled, remaining in zip(self.ops[:6:2], self.ops[1:6:2]):
            kept.append(F.leaky_relu(distilled(x, stage), SLOPE))
            x = F.leaky_relu(remaining(x, stage) + x, SLOPE)
        kept.append(F.leaky_relu(self.ops[6](x, stage), SLOPE))
        return self.distill[stage](torch.cat(kept, 1))
