"""A choice between convolutions, which relaxed are one convolution."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.ops import PlainConv, ResidualPlainConv, Skip
from mmfusenas.nas import Choice

LINEAR = (PlainConv, ResidualPlainConv, Skip)
"""Operators that are one convolution, or nothing."""


class PerStage(nn.ModuleList):
    """One operator with weights of its own for every stage: one decision, used several times.

    Example:
        >>> PerStage([nn.Identity(), nn.ReLU()])(torch.tensor([-1.0, 2.0]), 1).tolist()
        [0.0, 2.0]
    """

    def forward(self, x: Tensor, stage: int) -> Tensor:
        return self[stage](x)


class LinearChoice(Choice):
    """A choice between operators that are linear in their input, as far as they are.

    A weighted sum of convolutions is the convolution by the weighted sum of their kernels. So in training the relaxed
    candidates of ``LINEAR`` are one convolution together: what it returns and its gradients are the same, at a fraction
    of the time. The others, and all of them in evaluation, run as in every choice. Strides are 1.

    Args:
        candidates: Operators by name, or :class:`PerStage` lists of them, which are called with the number of a stage.
        label: As of :class:`Choice`.

    Example:
        >>> choice = LinearChoice(dict(skip=Skip(3), c_3=PlainConv(3, 3), rc_3=ResidualPlainConv(3, 3)))
        >>> choice.relax()
        >>> choice(torch.rand(1, 3, 8, 8)).shape
        torch.Size([1, 3, 8, 8])
    """

    def forward(self, x: Tensor, *stage: int) -> Tensor:
        operators = [self.get_submodule(name) for name in self.candidates]
        if stage:
            operators = [stages[stage[0]] for stages in operators]
        if not (self.relaxed and self.training) or sum(type(operator) in LINEAR for operator in operators) < 2:
            return super().forward(x, *stage)
        weighted = list(zip(self.weights(), operators, strict=True))
        total = mixed([pair for pair in weighted if type(pair[1]) in LINEAR], x)
        return sum((weight * operator(x) for weight, operator in weighted if type(operator) not in LINEAR), start=total)


def mixed(weighted: Sequence[tuple[Tensor, nn.Module]], x: Tensor) -> Tensor:
    """Return the weighted sum of what operators of ``LINEAR`` make of x, by one convolution."""
    convolutions = [(weight, as_convolution(operator, x[0, :, 0, 0])) for weight, operator in weighted]
    size = max(dilation * (kernel.shape[-1] - 1) + 1 for _, (kernel, _, dilation) in convolutions)
    kernel = sum(weight * spread(kernel, dilation, size) for weight, (kernel, _, dilation) in convolutions)
    biases = [weight * bias for weight, (_, bias, _) in convolutions if bias is not None]
    kernel = kernel.contiguous(memory_format=torch.channels_last)  # a CPU differentiates that in half the time
    return F.conv2d(x, kernel, sum(biases) if biases else None, padding=size // 2)


def as_convolution(operator: nn.Module, like: Tensor) -> tuple[Tensor, Tensor | None, int]:
    """Return weight, bias and dilation of the convolution that an operator of ``LINEAR`` is, its own input added.

    Args:
        operator: Operator.
        like: Tensor of as many elements as its input has channels, of whose type and device an operator without weights
            is.
    """
    weight = getattr(operator, 'weight', None)
    kind = like if weight is None else weight
    identity = torch.eye(len(like), device=kind.device, dtype=kind.dtype)[:, :, None, None]
    if weight is None:
        return identity, None, 1
    if isinstance(operator, ResidualPlainConv):
        weight = weight + F.pad(identity, (weight.shape[-1] // 2,) * 4)
    return weight, operator.bias, operator.dilation[0]


def spread(kernel: Tensor, dilation: int, size: int) -> Tensor:
    """Return an undilated kernel of ``size`` x ``size`` with the taps of a dilated one, in its middle.

    Example:
        >>> spread(torch.ones(1, 1, 3, 3), 2, 5)[0, 0, 0].tolist()
        [1.0, 0.0, 1.0, 0.0, 1.0]
    """
    reach = dilation * (kernel.shape[-1] - 1) + 1
    taps = kernel.new_zeros(*kernel.shape[:2], reach, reach)
    taps[..., ::dilation, ::dilation] = kernel
    return F.pad(taps, ((size - reach) // 2,) * 4)
