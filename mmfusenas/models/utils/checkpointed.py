"""Gradient checkpointing."""
from __future__ import annotations

from collections.abc import Sequence
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

    A module that is a sequence of parts, ``nn.Sequential`` or one with an attribute ``parts``, is checkpointed part by
    part within, so that the second pass keeps what one part needs, for a third pass of that part.
    """
    if not torch.is_grad_enabled():
        return module(x)
    weights, passes, parts = dict(module.named_parameters()), count(), _InParts(module)

    def run(x: Tensor) -> Tensor:
        if next(passes) == 0:
            return parts(x)
        state = {**weights, **{name: b.clone() for name, b in module.named_buffers()}}
        return functional_call(parts, {f'module.{name}': value for name, value in state.items()}, (x,))

    return checkpoint(run, x, use_reentrant=False)


class _InParts(nn.Module):
    """A module whose parts are checkpointed."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        parts = _parts_of(self.module)
        if len(parts) == 1:
            return self.module(x)
        for part in parts:
            x = checkpointed(part, x)
        return x


def _parts_of(module: nn.Module) -> Sequence[nn.Module]:
    """Return what ``x`` goes through in turn: of a long ``nn.Sequential`` two layers at a time."""
    if isinstance(module, nn.Sequential) and len(module) > 2:
        return [module[start:start + 2] for start in range(0, len(module), 2)]
    return getattr(module, 'parts', [module])
