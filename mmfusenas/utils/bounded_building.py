"""Building a model that a file describes, within the memory that its weights say it needs."""
from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmfusenas.core.errors import InputError

SPARE = 2**27
"""Elements that a model may have beside its weights: 512 MB in float32."""
TIMES = 32
"""Elements to one of the weights: a network of a genotype is cut out of its supernet."""

_aten = torch.ops.aten
_MADE = (_aten.empty.memory_format, _aten.zeros.default, _aten.ones.default, _aten.full.default, _aten.rand.default,
         _aten.randn.default)


class BoundedBuilding(TorchDispatchMode):
    """Refuse to make tensors of far more elements than the weights of a file have, before they are allocated.

    Args:
        elements: Of the weights.
        where: What to call the config in the message.

    Example:
        >>> with BoundedBuilding(10, 'model of a.pth'):
        ...     layer = torch.nn.Linear(100_000, 100_000)
        Traceback (most recent call last):
        mmfusenas.core.errors.InputError: The model of a.pth asks for more than ... numbers, and the file has 10 ...
    """

    def __init__(self, elements: int, where: str) -> None:
        super().__init__()
        self.elements, self.where, self.made = elements, where, 0

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Count what is made."""
        if function in _MADE:
            self.made += prod(args[0])
            most = TIMES * self.elements + SPARE
            if self.made > most:
                raise InputError(f'The {self.where} asks for more than {most:,} numbers, and the file has '
                                 f'{self.elements:,} weights: it was not built. Give the config of the training as '
                                 'well, or another file.')
        return function(*args, **(kwargs or {}))
