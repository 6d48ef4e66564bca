"""Parameters and multiply-adds of whole models."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from mmfusenas.nas import Choice
from mmfusenas.nas.macs import count_macs


def complexity(model: nn.Module, shape: Sequence[int] | None = None) -> dict[str, int | None]:
    """Return the costs of a model, as a genotype records them.

    Args:
        model: A fusion module or a task-guided detector (called with a pair), or a detector (called with a picture).
        shape: Height and width of the pictures; None leaves the multiply-adds out.

    Returns:
        ``parameters`` (without architecture parameters), ``macs`` (convolutions and linear layers of one picture or
        pair; None without ``shape``), and ``latency_ms`` (None: a table of ``build_latency_table.py`` has it).

    Example:
        >>> complexity(TIMFusion(genotype='tim-light'), (448, 620))
        {'parameters': 127358, 'macs': 35204413728, 'latency_ms': None}
    """
    alphas = {id(module.alpha) for module in model.modules() if isinstance(module, Choice)}
    parameters = sum(p.numel() for p in model.parameters() if id(p) not in alphas)
    macs = multiply_adds(model, shape).total() if shape else None
    return dict(parameters=parameters, macs=macs, latency_ms=None)


@torch.no_grad()
def multiply_adds(model: nn.Module, shape: Sequence[int]):
    """Count multiply-adds by layer for one picture (or pair) of ``shape``; the model's mode is as before afterwards."""
    device = next(model.parameters()).device
    visible, infrared = (torch.zeros(1, channels, *shape, device=device) for channels in (3, 1))
    pair = hasattr(model, 'picture') or hasattr(model, 'scene')
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        return count_macs(model, lambda: model(dict(visible=visible, infrared=infrared) if pair else visible))
    finally:
        for module, training in modes:
            module.training = training
