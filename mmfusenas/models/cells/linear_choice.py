"""A choice between convolutions, which relaxed is one convolution."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.ops import PlainConv, ResidualPlainConv, Skip
from mmfusenas.nas import Choice

LINEAR = (PlainConv, ResidualPlainConv, Skip)
"""Operators that are one convolution with bias, or nothing."""


class PerStage(nn.ModuleList):
    """One operator with weights of its own for every stage: one decision, used several times.

    Example:
        >>> PerStage([nn.Identity(), nn.ReLU()])(torch.rand(1), 1)
    """

    def forward(self, x: Tensor, stage: int) -> Tensor:
        return self[stage](x)


class LinearChoice(Choice):
    """A choice between operators that are linear in their input, C channels to C, with weights for every stage.

    A weighted sum of convolutions is the convolution by the weighted sum of their kernels. So a relaxed choice in
    training is one convolution, not as many as there are candidates: what it returns and its gradients are the same, at
    a fraction of the time. Where a candidate is not of ``LINEAR``, and in evaluation, it runs as every choice does.

    Args:
        candidates: :class:`PerStage` lists of operators by name.
        channels: C.
        label: As of :class:`Choice`.

    Example:
        >>> choice = LinearChoice(dict(skip=PerStage([Skip(3)]), c_3=PerStage([PlainConv(3, 3)])), channels=3)
        >>> choice.relax()
        >>> choice(torch.rand(1, 3, 8, 8), 0).shape
        torch.Size([1, 3, 8, 8])
    """

    def __init__(self, candidates: Mapping[str, PerStage], channels: int, label: str = '') -> None:
        super().__init__(candidates, label)
        self.channels = channels
        self.linear = all(type(operator) in LINEAR for stages in candidates.values() for operator in stages)

    def forward(self, x: Tensor, stage: int) -> Tensor:
        if not (self.relaxed and self.training and self.linear):
            return super().forward(x, stage)
        weight, bias = mixed([self.get_submodule(name)[stage] for name in self.candidates], self.alpha.softmax(0),
                             self.channels)
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def mixed(operators: Sequence[nn.Module], weights: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """Return kernel and bias of the weighted sum of operators; dilated kernels are spread out."""
    kernels = [convolution_of(operator, weights.new_empty(channels)) for operator in operators]
    size = max(dilation * (kernel.shape[-1] - 1) + 1 for kernel, _, dilation in kernels)
    kernel = sum(weight * spread(kernel, dilation, size) for weight, (kernel, _, dilation) in zip(weights, kernels))
    return kernel, sum(weight * bias for weight, (_, bias, _) in zip(weights, kernels))


def convolution_of(operator: nn.Module, like: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return weight, bias and dilation of the convolution that an operator of ``LINEAR`` is, its own input added.

    Args:
        operator: Operator.
        like: Tensor of as many elements as there are channels, whose type and device an operator without weights has.
    """
    identity = torch.eye(len(like), device=like.device, dtype=like.dtype)[:, :, None, None]
    if isinstance(operator, Skip):
        return identity, torch.zeros_like(like), 1
    weight = operator.weight
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
