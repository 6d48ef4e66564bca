"""The searchable decoder of TIM's segmentor."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.feature_distillation_cell import OPERATORS_FD, FeatureDistillationCell
from mmfusenas.models.cells.multi_scale_cell import Upsample
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS


@MODELS.register_module()
class FeatureDistillationHead(Searchable, BaseDecodeHead):
    """Decoder of two feature-distillation cells (TIM section 4.3.2).

    Three levels of the encoder, at 1/8, 1/16 and 1/32 of the image, come in by 1 x 1 convolutions. From coarse to
    fine the coarser features, brought to the size and width of the finer ones by residual upsampling (a transposed
    convolution plus a bilinear branch), are concatenated with them; a cell works on both, and its input is added to
    its output. Classes are predicted from the result at 1/8; in training also from that at 1/16
    (``loss_ce_coarse``), with the same losses.

    Args:
        in_index: The three levels of the backbone, fine to coarse: (1, 2, 3) of a ResNet.
        channels: Width of the levels and of the nodes inside a cell; cells see twice as many. Defaults to 64.
        nodes, operators: As in :class:`FeatureDistillationCell`; the paper's cells have two nodes.
        genotype: None builds the supernet; a name, file, dict or Genotype the derived decoder.
        loss_decode: Losses, as in mmseg. Defaults to the cross-entropy.
        **kwargs: Of mmseg's ``BaseDecodeHead``: ``in_channels``, ``num_classes``, ``norm_cfg``, ``dropout_ratio``,
            ... Inside a :class:`TaskGuidedSegmentor` ``in_channels`` may be left out.

    Shape:
        Levels N x in_channels[i] x H_i x W_i to logits N x num_classes x H/8 x W/8.

    Raises:
        ValueError: If there are not three levels, or the genotype is of another space.

    Example:
        >>> head = FeatureDistillationHead(in_channels=[8, 16, 32], in_index=(0, 1, 2), channels=8, num_classes=5)
        >>> SearchSpace(head).relax()
        >>> head([torch.rand(2, c, s, s) for c, s in ((8, 16), (16, 8), (32, 4))]).shape
        torch.Size([2, 5, 16, 16])
    """

    def __init__(self, *, in_index: Sequence[int], channels: int = 64, nodes: int = 2,
                 operators: Sequence[str] = OPERATORS_FD, genotype: GenotypeSource | None = None,
                 loss_decode: dict | Sequence[dict] | None = None, **kwargs) -> None:
        if len(in_index) != 3:
            raise InputError(f'FeatureDistillationHead got in_index={list(in_index)}; it decodes three levels.')
        super().__init__(
            channels=2 * channels, in_index=list(in_index), input_transform='multiple_select',
            loss_decode=loss_decode or dict(type='mmseg.CrossEntropyLoss'), **kwargs)
        fine, middle, coarse = self.in_channels
        self.laterals = nn.ModuleList(
            nn.Conv2d(width, out, 1) for width, out in ((fine, channels), (middle, channels), (coarse, 2 * channels)))
        self.upsamples = nn.ModuleList(Upsample(2 * channels) for _ in range(2))
        self.cells = nn.ModuleList(
            FeatureDistillationCell(2 * channels, 2 * channels, channels, nodes, operators, self.norm_cfg)
            for _ in range(2))
        self.conv_seg_coarse = nn.Conv2d(2 * channels, self.out_channels, 1)
        self.specialize(genotype)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.cls_seg(self._decode(inputs)[1])

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: dict) -> dict[str, Tensor]:
        """Return the losses at 1/8, and those at 1/16 under names that end in ``_coarse``."""
        middle, fine = self._decode(inputs)
        losses = self.loss_by_feat(self.cls_seg(fine), batch_data_samples)
        coarse = self.loss_by_feat(self.conv_seg_coarse(middle), batch_data_samples)
        return {**losses, **{f'{name}_coarse': value for name, value in coarse.items()}}

    def _decode(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return the features at 1/16 and at 1/8."""
        levels = [lateral(x) for lateral, x in zip(self.laterals, self._transform_inputs(inputs), strict=True)]
        x, outputs = levels.pop(), []
        for upsample, cell in zip(self.upsamples, self.cells):
            finer = levels.pop()
            height, width = finer.shape[2:]
            # A stride of two rounds up, so twice the coarser size may be one pixel too many.
            x = torch.cat([finer, upsample(x)[..., :height, :width]], 1)
            x = cell(x) + x
            outputs.append(x)
        return outputs
