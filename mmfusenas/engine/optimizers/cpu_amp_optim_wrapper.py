"""Mixed precision on a CPU."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmfusenas.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Optimizer wrapper whose forward passes run in bfloat16 on the CPU (mmengine's ``AmpOptimWrapper`` needs a GPU).

    bfloat16 has the range of float32, so the loss needs no scaling. Weights and optimizer state stay in float32.
    A processor without instructions for it takes longer than in float32.

    Args:
        **kwargs: Those of mmengine's ``OptimWrapper``.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> wrapper = CPUAmpOptimWrapper(optimizer=torch.optim.AdamW(layer.parameters(), lr=1e-3))
        >>> with wrapper.optim_context(layer):
        ...     layer(torch.ones(1, 2)).dtype
        torch.bfloat16
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass of one step under autocast."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield
