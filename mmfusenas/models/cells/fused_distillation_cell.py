"""RUAS's distillation cell for inference: fewer, wider convolutions."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.distillation_cell import SLOPE, DistillationCell
from mmfusenas.models.cells.linear_choice import LINEAR, PerStage, as_convolution


class FusedDistillationCell(nn.Module):
    """A derived :class:`DistillationCell` that computes the same with about half the passes over memory.

    What an operator adds of its input becomes a part of its kernel, and the two operators that read one input become
    one convolution with twice the channels, where their kernels are of one dilation.

    Args:
        cell: A cell whose choices are fixed.

    Shape:
        As of the cell.

    Raises:
        ValueError: If a choice is open, or an operator is none of RUAS's.

    Example:
        >>> cell = MODELS.build(dict(type='RUASScene', genotype='ruas-scene')).cell
        >>> x = torch.rand(1, 3, 61, 83)
        >>> FusedDistillationCell(cell)(x, stage=2).allclose(cell(x, stage=2), atol=1e-5)
        True
    """

    def __init__(self, cell: DistillationCell) -> None:
        super().__init__()
        stages = range(len(cell.distill))
        self.pairs = nn.ModuleList(nn.ModuleList(
            _merged(_kernel(cell, i, stage), _kernel(cell, i + 1, stage, residual=True)) for i in (0, 2, 4))
            for stage in stages)
        self.last = nn.ModuleList(_conv(*_kernel(cell, 6, stage)) for stage in stages)
        self.distill = cell.distill

    def forward(self, x: Tensor, stage: int = 0) -> Tensor:
        kept = []
        for pair in self.pairs[stage]:
            distilled, x = F.leaky_relu_(pair(x), SLOPE).chunk(2, 1)
            kept.append(distilled)
        kept.append(F.leaky_relu_(self.last[stage](x), SLOPE))
        return self.distill[stage](torch.cat(kept, 1))


class _SideBySide(nn.ModuleList):
    """Two convolutions of one input whose kernels do not fit into one."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([conv(x) for conv in self], 1)


def fusible(cell: nn.Module) -> bool:
    """Return whether a module is a distillation cell with its choices fixed, of RUAS's operators."""
    return type(cell) is DistillationCell and all(
        isinstance(op, PerStage) and all(type(part) in LINEAR for part in op)
        for op in cell.ops)


@torch.no_grad()
def _kernel(cell: DistillationCell, place: int, stage: int, residual: bool = False) -> tuple[Tensor, Tensor, int]:
    """Return weight, bias and dilation of the one convolution that an operator is, with its input added."""
    if not fusible(cell):
        raise InputError('FusedDistillationCell got a cell with open choices, or with operators that are no plain '
                         'convolutions: derive it first.')
    like = cell.distill[stage].bias
    weight, bias, dilation = as_convolution(cell.ops[place][stage], like)
    if residual:
        identity = torch.eye(len(like), device=like.device, dtype=like.dtype)[:, :, None, None]
        weight = weight + F.pad(identity, (weight.shape[-1] // 2,) * 4)
    return weight.clone(), torch.zeros_like(like) if bias is None else bias.clone(), dilation


def _merged(first: tuple[Tensor, Tensor, int], second: tuple[Tensor, Tensor, int]) -> nn.Module:
    """Return both convolutions as one, a kernel of one pixel in the middle of a larger one."""
    sizes = [weight.shape[-1] for weight, _, _ in (first, second)]
    if first[2] != second[2] and min(sizes) > 1:
        return _SideBySide([_conv(*first), _conv(*second)])
    dilation = (first if sizes[0] >= sizes[1] else second)[2]
    weights = [F.pad(weight, ((max(sizes) - size) // 2,) * 4) for (weight, _, _), size in zip((first, second), sizes)]
    return _conv(torch.cat(weights), torch.cat([first[1], second[1]]), dilation)


def _conv(weight: Tensor, bias: Tensor, dilation: int) -> nn.Conv2d:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[-1], dilation=dilation,
                     padding=dilation * (weight.shape[-1] // 2))
    conv.weight, conv.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return conv
