"""The searchable head of RUAS's detector."""
from __future__ import annotations

from collections.abc import Sequence

from mmdet.models.dense_heads import SSDHead
from mmdet.models.losses import CrossEntropyLoss
from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.searched_conv import OPERATORS_RUAS_TASK, searched_conv
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS


@MODELS.register_module()
class SearchedSSDHead(Searchable, SSDHead):
    """mmdet's SSDHead whose convolutions are searched (RUAS sections 4.1 and 5.2).

    Every level has one searched convolution for the boxes (``reg_convs``) and one for the classes (``cls_convs``).
    Targets, hard negatives, losses and predictions are mmdet's.

    Args:
        operators: Short names of the candidates. Defaults to the ten of table 1.
        genotype: None builds the supernet; a name (``'ruas-ssd#bbox_head'``), file, dict or Genotype the derived head.
        **kwargs: Of mmdet's ``SSDHead``: ``num_classes``, ``in_channels``, ``anchor_generator``, ``bbox_coder``,
            ``train_cfg``, ``test_cfg``, ... without its towers (``stacked_convs``, ``use_depthwise``).

    Shape:
        Levels N x in_channels[i] x H_i x W_i to, a level, class scores N x anchors * (num_classes + 1) x H_i x W_i and
        box deltas N x anchors * 4 x H_i x W_i, anchors being the number at a place.

    Raises:
        ValueError: On towers, on levels that are not as many as the anchors', or a genotype of another space.

    Example:
        >>> head = SearchedSSDHead(num_classes=5, in_channels=(8, 16), anchor_generator=dict(
        ...     type='mmdet.AnchorGenerator', strides=[8, 16], ratios=[1.0], scales=[1]),
        ...     bbox_coder=dict(type='mmdet.DeltaXYWHBBoxCoder'))
        >>> SearchSpace(head).relax()
        >>> scores, boxes = head([torch.rand(2, 8, 16, 16), torch.rand(2, 16, 8, 8)])
        >>> [tuple(x.shape) for x in (*scores, *boxes)]
        [(2, 6, 16, 16), (2, 6, 8, 8), (2, 4, 16, 16), (2, 4, 8, 8)]
    """

    def __init__(self, *, operators: Sequence[str] = OPERATORS_RUAS_TASK, genotype: GenotypeSource | None = None,
                 **kwargs) -> None:
        self.operators = tuple(operators)  # SSDHead's constructor calls `_init_layers`
        super().__init__(**kwargs)
        self.loss_cls = CrossEntropyLoss()  # not for training: mmdet 3.3.0's predict asks for it (mmdet #11780)
        self.specialize(genotype)

    def _init_layers(self) -> None:
        """Build the searched convolutions in the place of mmdet's."""
        if self.stacked_convs or self.use_depthwise:
            raise InputError(f'SearchedSSDHead got stacked_convs={self.stacked_convs}, use_depthwise='
                             f'{self.use_depthwise}: it has no towers, one searched convolution a level and output.')
        if len(self.in_channels) != len(self.num_base_priors):
            raise InputError(f'SearchedSSDHead got {len(self.in_channels)} levels (in_channels={self.in_channels}) and '
                             f'an anchor generator of {len(self.num_base_priors)}; they have to be as many.')
        self.reg_convs = self._searched(4)
        self.cls_convs = self._searched(self.cls_out_channels)

    def _searched(self, outputs: int) -> nn.ModuleList:
        """Return one choice a level, with ``outputs`` channels an anchor."""
        return nn.ModuleList(searched_conv(width, anchors * outputs, self.operators)
                             for width, anchors in zip(self.in_channels, self.num_base_priors, strict=True))
