"""Measures of whether an illumination still depends on its image."""
from __future__ import annotations

from torch import Tensor


def illumination_scalars(t: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return what :class:`LossGuardHook` looks at beside the losses.

    Args:
        t: Illumination.
        y: Dark image.

    Returns:
        ``illumination_spread``, the standard deviation of t within an image and channel, the mean over both: 0 where t
        is a constant. ``saturated_share``, of the values of y / t that reach 1 and did not in y.

    Shape:
        N x 3 x H x W each, of the same colours.

    Example:
        >>> import torch
        >>> t, y = torch.full((2, 1, 3, 8, 8), 0.3)
        >>> {name: float(value) for name, value in illumination_scalars(t, y).items()}
        {'illumination_spread': 0.0, 'saturated_share': 1.0}
    """
    t = t.detach()
    return dict(illumination_spread=t.flatten(2).std(2, unbiased=False).mean(),
                saturated_share=((y >= t) & (y < 1)).to(t.dtype).mean())
