"""Gradient checkpointing."""
from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint


def sequential(layers: Iterable[nn.Module], x: Tensor, with_cp: bool) -> Tensor:
    """Return what the layers make of ``x``, one after the other; with ``with_cp`` each is :func:`checkpointed`.

    Example:
        >>> sequential([nn.Conv2d(1, 4, 3), nn.ReLU()], torch.rand(1, 1, 8, 8), with_cp=True).shape
        torch.Size([1, 4, 6, 6])
    """
    for layer in layers:
        x = checkpointed(layer, x) if with_cp and torch.is_grad_enabled() else layer(x)
    return x


def checkpointed(module: nn.Module, x: Tensor) -> Tensor:
    """Return ``module(x)`` without what its backward pass needs, which is computed anew there (mmdet's ``with_cp``).

    Value, gradients of any order and buffers are those of ``module(x)``: the second pass has the weights of the first
    (also where those stand in for the module's own, as in ``torch.func.functional_call``), and a copy of the buffers,
    so that BatchNorm counts its statistics once.
    """
    weights, passes = dict(module.named_parameters()), count()

    def run(x: Tensor) -> Tensor:
        if next(passes) == 0:
            return module(x)
        return functional_call(module, {**weights, **{name: b.clone() for name, b in module.named_buffers()}}, (x,))

    return checkpoint(run, x, use_reentrant=False)
