"""The memory layout that convolutions prefer."""
from __future__ import annotations

import torch
from torch import nn

_BLOCK = 8
"""Input channels that the convolution of oneDNN for AVX2 takes at once."""


def prefer_channels_last(model: nn.Module) -> None:
    """Lay out the weights of a model channels-last, which makes its feature maps so.

    Convolutions on a CPU, and under AMP, are faster so. A model with a strided 1 x 1 convolution of fewer than eight
    input channels stays as it is: on processors without AVX-512, oneDNN 3.12 writes past its memory in the gradient of
    the weights of one (https://github.com/uxlfoundation/oneDNN/issues/6035), which ends the process or changes numbers.
    So does one with an operator of mmcv that :func:`needs_contiguous` maps.

    Example:
        >>> wide, narrow = (nn.Conv2d(channels, 16, 1, stride=2) for channels in (8, 4))
        >>> for conv in (wide, narrow):
        ...     prefer_channels_last(conv)
        >>> [conv(torch.rand(1, conv.in_channels, 6, 6)).stride()[1] for conv in (wide, narrow)]
        [1, 9]
    """
    narrow = any(isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and max(module.stride) > 1
                 and module.in_channels < _BLOCK for module in model.modules())
    if not narrow and not needs_contiguous(model):
        model.to(memory_format=torch.channels_last)


def needs_contiguous(model: nn.Module) -> bool:
    """Return whether a model has an operator of mmcv that reads its input as if it were contiguous.

    On a CPU RoIAlign mixes up the channels of maps that are channels-last, without an error; deformable convolutions
    refuse them. The deformable attention of DETR is written in PyTorch.
    """
    return any(type(module).__module__.startswith('mmcv.ops.') and 'attn' not in type(module).__module__
               for module in model.modules())
