"""A choice of width: how many channels two convolutions have between them."""
from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.nas import Choice


class WidthChoice(Choice):
    r"""The number of channels between two convolutions, over shared weights: a width has the first channels of all.

    Candidates are ``'w25'`` for a quarter of the channels and so on. The second convolution is linear, so the weighted
    sum of all widths is one pass with the channels weighted (channel masking, FBNetV2, Wan et al., CVPR 2020):

    .. math:: \sum_i p_i\, o_i(x) = \mathrm{last}(h \sum_i p_i m_i)

    of the features h before the last convolution, with masks :math:`m_i` that are 1 for the first channels, else 0. A
    derived network holds a compact copy of the chosen width.

    Args:
        layers: The first convolution, layers that treat every channel alike (activations), and the last convolution.
        shares: The widths as shares of all channels, above 0 and at most 1, different by at least a hundredth.

    Shape:
        As of the layers one after the other.

    Raises:
        ValueError: If the layers are no such block, or a share is none or leaves no channel.

    Example:
        >>> block = WidthChoice([nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1)], shares=(0.5, 1.0))
        >>> block.candidates, block.derived('w50')[0].out_channels
        (('w50', 'w100'), 4)
    """

    def __init__(self, layers: Sequence[nn.Module], shares: Sequence[float]) -> None:
        first, *between, last = layers
        if not all(isinstance(layer, nn.Conv2d) and layer.groups == 1 for layer in (first, last)) or any(
                tensor.numel() > 1 for layer in between for tensor in layer.state_dict().values()):
            raise InputError('WidthChoice takes two ordinary convolutions, and between them layers that have no '
                             f'weights of a channel of its own; got {[type(layer).__name__ for layer in layers]}.')
        widths = {f'w{round(100 * share)}': round(share * first.out_channels) for share in shares}
        if len(widths) < len(shares) or not all(0 < share <= 1 for share in shares) or not all(widths.values()):
            raise InputError(f'WidthChoice got shares={list(shares)} of {first.out_channels} channels; they are '
                             'different, above 0 and at most 1, and leave at least one channel.')
        super().__init__({name: nn.Identity() for name in widths})
        self.widths = widths
        self.shared = nn.Sequential(*layers)
        channels = torch.arange(first.out_channels)
        masks = torch.stack([channels < width for width in widths.values()])
        self.register_buffer('masks', masks.to(first.weight.dtype), persistent=False)

    def derived(self, candidate: str) -> nn.Module:
        """Return the layers with the first channels alone, and weights of their own."""
        width, layers = self.widths[candidate], copy.deepcopy(self.shared)
        first, last = layers[0], layers[-1]
        first.weight, last.weight = (nn.Parameter(part.detach().clone(), requires_grad=part.requires_grad)
                                     for part in (first.weight[:width], last.weight[:, :width]))
        if first.bias is not None:
            first.bias = nn.Parameter(first.bias[:width].detach().clone(), requires_grad=first.bias.requires_grad)
        first.out_channels = last.in_channels = width
        return layers

    def forward(self, x: Tensor) -> Tensor:
        if not (self.relaxed or self.is_fixed):
            return super().forward(x)  # which says that it is neither
        weights = self.probabilities() if self.is_fixed else self.weights()
        *before, last = self.shared
        for layer in before:
            x = layer(x)
        return last(x * (weights @ self.masks)[:, None, None])
