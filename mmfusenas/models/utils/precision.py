"""Full precision within training in half precision."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor


def in_full_precision(function: Callable) -> Callable:
    """Decorate a function that half precision would spoil: it runs outside autocast, on tensors of at least float32.

    For differences of nearly equal numbers, quotients of small ones, and what there is no kernel for.

    Example:
        >>> @in_full_precision
        ... def deviation(x: Tensor) -> Tensor:
        ...     return (x.square().mean() - x.mean().square()).sqrt()
        >>> deviation(torch.rand(4).bfloat16()).dtype
        torch.float32
    """
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        device = next(x.device.type for x in (*args, *kwargs.values()) if isinstance(x, Tensor))
        with torch.autocast(device, enabled=False):
            return function(*map(_raised, args), **{name: _raised(x) for name, x in kwargs.items()})

    return run


def _raised(x: Any) -> Any:
    return x.float() if isinstance(x, Tensor) and x.dtype in (torch.float16, torch.bfloat16) else x
