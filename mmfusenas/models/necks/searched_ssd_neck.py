"""The searchable neck of RUAS's detector."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.searched_conv import OPERATORS_RUAS_TASK, searched_conv
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS


@MODELS.register_module()
class SearchedSSDNeck(Searchable, BaseModule):
    """Extra levels of an SSD whose convolutions are searched (RUAS sections 4.1 and 5.2).

    The first levels of the backbone are normalised to length one across channels, times a learnt scale a channel.
    Each extra level comes from the coarsest one so far by two searched convolutions, a ReLU after each. Sizes are
    divided by the stride and rounded up. For mmdet's own SSD, ``l2_norm_scales=(20,)`` and
    ``extras=((256, 512, 2), *[(128, 256, 2)] * n)``: with n = 4 the levels are SSD512's; with n = 3 SSD300's but for
    the last two, which mmdet shrinks by leaving out the padding (3 and 1 pixels): here they are 3 and 2, at strides
    128 and 256.

    Args:
        in_channels: Channels of the backbone's levels, fine to coarse. Inside a :class:`TaskGuidedDetector` it may be
            left out of the config: the detector asks the backbone.
        extras: One (channels between the two convolutions, channels out, stride of the second) an extra level.
            Defaults to the paper's two levels, so four choices.
        l2_norm_scales: Initial scales of the normalised levels, from the finest on; the others pass as they are.
            Defaults to (10, 8, 5), as in S3FD.
        operators: Short names of the candidates. Defaults to the ten of table 1.
        genotype: None builds the supernet; a name (``'ruas-ssd#neck'``), file, dict or Genotype the derived neck.
        init_cfg: Initialisation. Defaults to Xavier for the convolutions, as in mmdet's SSDNeck.

    Shape:
        Tuple of N x in_channels[i] x H_i x W_i to the same and the extra levels, ``out_channels`` in all.

    Raises:
        ValueError: On more scales than levels, an extra level that is not of three numbers, a wrong number of inputs,
            a candidate that cannot stand here, or a genotype of another space.

    Example:
        >>> neck = SearchedSSDNeck([8, 16], extras=((4, 8, 2),), l2_norm_scales=(10,), genotype=dict(
        ...     choices={'extras.0': 'c_7', 'extras.1': 'c_3d2'}))
        >>> [tuple(x.shape) for x in neck([torch.rand(2, 8, 16, 16), torch.rand(2, 16, 7, 7)])]
        [(2, 8, 16, 16), (2, 16, 7, 7), (2, 8, 4, 4)]
    """

    def __init__(self, in_channels: Sequence[int],
                 extras: Sequence[tuple[int, int, int]] = ((256, 512, 2), (128, 256, 2)),
                 l2_norm_scales: Sequence[float] = (10, 8, 5), operators: Sequence[str] = OPERATORS_RUAS_TASK,
                 genotype: GenotypeSource | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg or dict(type='Xavier', layer='Conv2d', distribution='uniform'))
        if len(l2_norm_scales) > len(in_channels):
            raise InputError(f'SearchedSSDNeck got l2_norm_scales={tuple(l2_norm_scales)} for the {len(in_channels)} '
                             f'levels of in_channels={tuple(in_channels)}; give at most one a level.')
        if any(len(extra) != 3 for extra in extras):
            raise InputError(f'SearchedSSDNeck got extras={extras}; give each level as (channels, channels, stride).')
        self.in_channels = tuple(in_channels)
        self.l2_norms = nn.ModuleList(L2Norm(*level) for level in zip(in_channels, l2_norm_scales))
        self.extras, width = nn.ModuleList(), in_channels[-1]
        for middle, out, stride in extras:
            self.extras.append(searched_conv(width, middle, operators))
            self.extras.append(searched_conv(middle, out, operators, stride))
            width = out
        self.out_channels = (*in_channels, *(out for _, out, _ in extras))
        self.specialize(genotype)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if len(inputs) != len(self.in_channels):
            raise InputError(f'SearchedSSDNeck was built for {len(self.in_channels)} levels and got {len(inputs)}.')
        outputs = [norm(x) for norm, x in zip(self.l2_norms, inputs)]
        outputs.extend(inputs[len(outputs):])
        x = inputs[-1]
        for first, second in zip(self.extras[::2], self.extras[1::2]):
            x = second(first(x).relu()).relu()
            outputs.append(x)
        return tuple(outputs)


class L2Norm(nn.Module):
    """Features of length one across channels, times a learnt scale a channel.

    Unlike mmdet's, whose gradient is NaN there, it takes features of nothing but zeros: what VGG with biases of zero
    makes of the black padding of a batch.

    Args:
        channels: Channels in and out.
        scale: Initial scale.

    Example:
        >>> L2Norm(2, 10)(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)).flatten().tolist()
        [6.0, 8.0]
    """

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), float(scale)))

    def forward(self, x: Tensor) -> Tensor:
        exact = x.to(torch.promote_types(x.dtype, torch.float32))  # squares overflow in half precision
        return (self.weight[:, None, None] * F.normalize(exact, dim=1, eps=1e-6)).type_as(x)
