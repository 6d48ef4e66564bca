"""Multiply-adds of convolutions and linear layers."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd


def count_macs(model: nn.Module, run: Callable[[], object]) -> Counter[nn.Module]:
    """Count the multiply-adds of every convolution and linear layer in one run.

    A weight is used once at every position: of the output, or of the input in a transposed convolution. Bias,
    norms, activations and convolutions that are no module (fixed filters) are not counted.

    Args:
        model: Module whose layers are counted.
        run: Runs the model once; layers that it does not reach count nothing, those it reaches twice count twice.

    Returns:
        Multiply-adds by layer; ``count_macs(...).total()`` is the sum.

    Example:
        >>> conv = nn.Conv2d(3, 8, 3, padding=1)
        >>> count_macs(conv, lambda: conv(torch.rand(1, 3, 10, 20))).total()  # 8 * 3 * 3 * 3 weights, 200 positions
        43200
    """
    macs: Counter[nn.Module] = Counter()

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            positions = output.numel() // layer.out_features
        elif isinstance(layer, _ConvTransposeNd):
            positions = inputs[0].numel() // layer.in_channels
        else:
            positions = output.numel() // layer.out_channels
        macs[layer] += positions * layer.weight.numel()

    layers = [module for module in model.modules() if isinstance(module, (_ConvNd, nn.Linear))]
    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return macs
