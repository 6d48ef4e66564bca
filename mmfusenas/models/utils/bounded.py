"""Clamped values that still learn."""
from __future__ import annotations

from math import inf

import torch
from torch import Tensor


def bounded(x: Tensor, low: float = 0.0, high: float = inf) -> Tensor:
    """Return ``x.clamp(low, high)`` with the gradient of a projection.

    The gradient of a clamp is 0 beyond its bounds, so what has left them never comes back. Here it passes at and beyond
    a bound as well, where a step against it leads back between the two, and is 0 where it leads further out.

    Args:
        x: Any tensor.
        low: Lower bound. Defaults to 0.
        high: Upper bound. Defaults to none.

    Shape:
        Any, to the same.

    Example:
        >>> x = torch.tensor([-0.5, 0.5, 1.5], requires_grad=True)
        >>> y = bounded(x, 0.0, 1.0)
        >>> y.tolist()
        [0.0, 0.5, 1.0]
        >>> y.sum().backward()  # all are to become smaller: the first one is small enough
        >>> x.grad.tolist()
        [0.0, 1.0, 1.0]
    """
    return _Bounded.apply(x, low, high) if x.requires_grad else x.clamp(low, high)


class _Bounded(torch.autograd.Function):
    """The function with its backward pass, which can be differentiated again."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.low, ctx.high = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, None, None]:
        x, = ctx.saved_tensors
        passes = ((x > ctx.low) | (grad < 0)) & ((x < ctx.high) | (grad > 0))
        return grad.where(passes, 0.0), None, None
