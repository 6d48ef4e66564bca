"""Gradient checkpointing."""
from __future__ import annotations

from itertools import count

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint


def checkpointed(module: nn.Module, x: Tensor) -> Tensor:
    """Return ``module(x)`` without what its backward pass needs, which is computed anew there (mmdet's ``with_cp``).

    Value, gradients of any order and buffers are those of ``module(x)``: the second pass has the weights of the first
    (also where those stand in for the module's own, as in ``torch.func.functional_call``), and a copy of the buffers,
    so that BatchNorm counts its statistics once. Without a graph it is ``module(x)`` itself.
    """
    if not torch.is_grad_enabled():
        return module(x)
    weights, passes = dict(module.named_parameters()), count()

    def run(x: Tensor) -> Tensor:
        if next(passes) == 0:
            return module(x)
        return functional_call(module, {**weights, **{name: b.clone() for name, b in module.named_buffers()}}, (x,))

    return checkpoint(run, x, use_reentrant=False)
