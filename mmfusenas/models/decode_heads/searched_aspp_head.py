"""The searchable decoder of RUAS's segmentor."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from mmcv.cnn import build_activation_layer, build_norm_layer
from mmseg.models.decode_heads import DepthwiseSeparableASPPHead
from torch import nn

from mmfusenas.models.cells.searched_conv import OPERATORS_RUAS_TASK, searched_conv
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS


@MODELS.register_module()
class SearchedASPPHead(Searchable, DepthwiseSeparableASPPHead):
    """DeepLabV3+ whose feature conversion is searched (RUAS sections 4.1 and 5.2).

    Encoder and decoder stay as they are, and so do the pooled branch and the bottleneck. Each branch of the atrous
    pyramid between them becomes one searched convolution, ``in_channels`` to ``channels``, with the head's norm and
    activation after it. There are as many branches as a stock head has, one for each of ``dilations``; the rates
    themselves are left to the search. The supernet is wide: the ten candidates have 194 weights per pair of channels,
    so a branch of 2048 to 512 holds 203 million. ``channels`` or ``operators`` make it smaller.

    Args:
        operators: Short names of the candidates. Defaults to the ten of table 1.
        genotype: None builds the supernet; a name, file, dict or Genotype the derived head.
        loss_decode: Losses, as in mmseg. Defaults to the cross-entropy.
        **kwargs: Of mmseg's ``DepthwiseSeparableASPPHead``: ``dilations`` (1, 6, 12, 18), ``c1_in_channels``,
            ``c1_channels``, ``in_channels``, ``channels``, ``num_classes``, ``norm_cfg``, ... Inside a
            :class:`TaskGuidedSegmentor` ``in_channels`` may be left out.

    Shape:
        The backbone's levels, of which the first (c1_in_channels) and that of ``in_index`` are used, to logits
        N x num_classes x H x W of the first level's size.

    Raises:
        ValueError: If a candidate is unknown or cannot stand here, or the genotype is of another space.

    Example:
        >>> head = SearchedASPPHead(in_channels=16, in_index=1, channels=8, c1_in_channels=8, c1_channels=4,
        ...                         num_classes=5, norm_cfg=dict(type='BN'))
        >>> SearchSpace(head).relax()
        >>> head([torch.rand(2, 8, 16, 16), torch.rand(2, 16, 4, 4)]).shape
        torch.Size([2, 5, 16, 16])
    """

    def __init__(self, *, operators: Sequence[str] = OPERATORS_RUAS_TASK, genotype: GenotypeSource | None = None,
                 loss_decode: dict | Sequence[dict] | None = None, **kwargs) -> None:
        super().__init__(loss_decode=loss_decode or dict(type='mmseg.CrossEntropyLoss'), **kwargs)
        for i in range(len(self.dilations)):
            self.aspp_modules[i] = self._branch(operators)
        self.specialize(genotype)

    def _branch(self, operators: Sequence[str]) -> nn.Sequential:
        """Return a searched convolution, then the head's norm and activation."""
        layers = OrderedDict(conv=searched_conv(self.in_channels, self.channels, operators))
        if self.norm_cfg:
            layers['norm'] = build_norm_layer(self.norm_cfg, self.channels)[1]
        if self.act_cfg:
            layers['activate'] = build_activation_layer(self.act_cfg)
        return nn.Sequential(layers)
