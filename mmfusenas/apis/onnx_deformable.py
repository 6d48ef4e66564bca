"""mmcv's deformable convolutions as those of ONNX."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from mmcv.ops.deform_conv import DeformConv2dFunction, deform_conv2d
from mmcv.ops.modulated_deform_conv import ModulatedDeformConv2dFunction
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

OPSET = 19
"""The first that has ``DeformConv``."""


@contextmanager
def deformable_convolutions(model: nn.Module) -> Iterator[None]:
    """Write mmcv's deformable convolutions as ``DeformConv``; mmcv writes operators that its own runtimes know.

    Order of offsets and masks, and what lies outside of a map, are the same.

    Args:
        model: What is exported; ``TOODHead`` in it is changed, and computes what it did.
    """
    for module in model.modules():
        if hasattr(module, 'deform_sampling'):
            module.deform_sampling = _deform_sampling
    with (patch.object(DeformConv2dFunction, 'symbolic', staticmethod(_plain)),
          patch.object(ModulatedDeformConv2dFunction, 'symbolic', staticmethod(_modulated))):
        yield


def _deform_sampling(maps: Tensor, offset: Tensor) -> Tensor:
    """Do as ``TOODHead``, whose number of groups is a value in a trace; ``DeformConv`` has it as an attribute."""
    channels = int(maps.shape[1])
    return deform_conv2d(maps, offset, maps.new_ones(channels, 1, 1, 1), 1, 0, 1, channels, channels)


def _plain(g: Any, values: Any, offset: Any, weight: Any, *geometry: Any) -> Any:
    return g.op('DeformConv', values, weight, offset, **_attributes(*geometry[:5]))  # then a bias, which mmcv refuses


def _modulated(g: Any, values: Any, offset: Any, mask: Any, weight: Any, bias: Any, *geometry: Any) -> Any:
    if bias is None or bias.node().mustBeNone():
        bias = g.op('Constant', value_t=torch.zeros(weight.type().sizes()[0]))
    return g.op('DeformConv', values, weight, offset, bias, mask, **_attributes(*geometry))


def _attributes(stride: Any, padding: Any, dilation: Any, groups: int, deform_groups: int) -> dict[str, Any]:
    return dict(strides_i=_pair(stride), pads_i=_pair(padding) * 2, dilations_i=_pair(dilation), group_i=groups,
                offset_group_i=deform_groups)
