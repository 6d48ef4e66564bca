"""Whose pictures a model takes."""
from __future__ import annotations

from torch import nn

PAIR = dict(visible=3, infrared=1)


def sensor_channels(model: nn.Module) -> dict[str, int]:
    """Return the channels of a model's inputs by name: ``visible`` 3 and ``infrared`` 1 unless it says otherwise.

    Example:
        >>> sensor_channels(nn.Identity())
        {'visible': 3, 'infrared': 1}
    """
    return dict(getattr(getattr(model, 'scene', model), 'channels', PAIR))
