"""The searchable neck of TIM's detector."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.feature_distillation_cell import OPERATORS_FD, FeatureDistillationCell
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS


@MODELS.register_module()
class FeatureDistillationNeck(Searchable, BaseModule):
    """Top-down neck of feature-distillation cells, in the place of an FPN (TIM section 4.3.1).

    With laterals L by 1 x 1 convolutions and the levels from fine to coarse, the coarsest output is ``cell(L)``, every
    other one ``cell(concat(L, coarser output resized))``. The cells have their own choices. Extra levels come from the
    coarsest input by stride-2 convolutions, as in mmdet's FPN for RetinaNet (``add_extra_convs='on_input'``).

    Args:
        in_channels: Channels of the backbone's levels, fine to coarse. Inside a :class:`TaskGuidedDetector` it may be
            left out of the config: the detector asks the backbone.
        out_channels: Channels of the laterals and of every output.
        num_outs: Number of outputs; those beyond the used inputs are extra levels. Defaults to 5.
        start_level: First level used; finer ones are left alone, as in mmdet's FPN. Defaults to 0.
        channels, nodes, operators, norm_cfg: As in :class:`FeatureDistillationCell`.
        genotype: None builds the supernet; a name, file, dict or Genotype the derived neck.
        init_cfg: Initialisation. Defaults to Xavier for the convolutions, as in mmdet's FPN.

    Shape:
        Tuple of N x in_channels[i] x H_i x W_i to a tuple of ``num_outs`` tensors of ``out_channels``.

    Raises:
        ValueError: On fewer outputs than used inputs, a wrong number of inputs, or a genotype of another space.

    Example:
        >>> neck = FeatureDistillationNeck([8, 16, 32], 8, channels=8, nodes=2, num_outs=4)
        >>> SearchSpace(neck).relax()
        >>> [tuple(x.shape) for x in neck([torch.rand(2, c, s, s) for c, s in ((8, 16), (16, 8), (32, 4))])]
        [(2, 8, 16, 16), (2, 8, 8, 8), (2, 8, 4, 4), (2, 8, 2, 2)]
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int, num_outs: int = 5, start_level: int = 0,
                 channels: int = 64, nodes: int = 4, operators: Sequence[str] = OPERATORS_FD,
                 norm_cfg: dict | None = None, genotype: GenotypeSource | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg or dict(type='Xavier', layer='Conv2d', distribution='uniform'))
        self.num_inputs, self.start_level = len(in_channels), start_level
        used = list(in_channels)[start_level:]
        if num_outs < len(used):
            raise InputError(f'FeatureDistillationNeck got num_outs={num_outs} for {len(used)} used inputs '
                             f'(in_channels={list(in_channels)}, start_level={start_level}).')
        self.laterals = nn.ModuleList(nn.Conv2d(width, out_channels, 1) for width in used)
        self.cells = nn.ModuleList(
            FeatureDistillationCell(out_channels if i == len(used) - 1 else 2 * out_channels, out_channels, channels,
                                    nodes, operators, norm_cfg)
            for i in range(len(used))
        )
        self.extra = nn.ModuleList(
            nn.Conv2d(used[-1] if i == 0 else out_channels, out_channels, 3, stride=2, padding=1)
            for i in range(num_outs - len(used))
        )
        self.specialize(genotype)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if len(inputs) != self.num_inputs:
            raise InputError(f'FeatureDistillationNeck was built for {self.num_inputs} levels and got {len(inputs)}.')
        inputs = inputs[self.start_level:]
        laterals = [lateral(x) for lateral, x in zip(self.laterals, inputs, strict=True)]

        # From the coarsest level down to the finest.
        outputs = [self.cells[-1](laterals[-1])]
        for lateral, cell in zip(laterals[-2::-1], list(self.cells)[-2::-1], strict=True):
            coarser = F.interpolate(outputs[0], size=lateral.shape[2:], mode='nearest')
            outputs.insert(0, cell(torch.cat([lateral, coarser], 1)))

        # Extra levels, coarser than the backbone's.
        x = inputs[-1]
        for conv in self.extra:
            x = conv(x)
            outputs.append(x)
        return tuple(outputs)
