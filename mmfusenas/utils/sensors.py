"""Whose images a model takes."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PAIR = dict(visible=3, infrared=1)


def sensor_channels(model: nn.Module) -> dict[str, int]:
    """Return the channels of a model's inputs by name: ``visible`` 3 and ``infrared`` 1 unless it says otherwise.

    Example:
        >>> sensor_channels(nn.Identity())
        {'visible': 3, 'infrared': 1}
    """
    return dict(getattr(getattr(model, 'scene', model), 'channels', PAIR))


def random_inputs(model: nn.Module, shape: Sequence[int], number: int = 1,
                  device: str | torch.device = 'cpu') -> dict[str, Tensor]:
    """Return random inputs of a model by name, the same each time: N x C x H x W in [0, 1].

    Example:
        >>> {name: tuple(x.shape) for name, x in random_inputs(nn.Identity(), (5, 7)).items()}
        {'visible': (1, 3, 5, 7), 'infrared': (1, 1, 5, 7)}
    """
    generator = torch.Generator().manual_seed(0)
    return {name: torch.rand(number, channels, *shape, generator=generator).to(device)
            for name, channels in sensor_channels(model).items()}
