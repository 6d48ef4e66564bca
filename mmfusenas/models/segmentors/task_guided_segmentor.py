"""A scene module in front of any mmseg segmentor."""
from __future__ import annotations

import warnings
from copy import deepcopy

from mmengine.config import ConfigDict
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor

from mmfusenas.models.task_guided import TaskGuided
from mmfusenas.models.utils.backbone_channels import backbone_channels
from mmfusenas.registry import MODELS


@MODELS.register_module()
class TaskGuidedSegmentor(TaskGuided):
    """Task-guided fusion for segmentation (TIM section 4.3.2): a scene module, then an untouched mmseg segmentor.

    Stages, losses and arguments are those of :class:`TaskGuided`. Predictions are mmseg's ``SegDataSample`` with
    ``pred_img``. In training the segmentor's preprocessor pads to its ``size``, or to a multiple of its
    ``size_divisor``; at prediction mmseg asks for images of one size in a batch. Where more than half of what it trains
    on is padding, as with the ``size`` of a stock config in front of small images, there is one warning.

    Args:
        task: Config of an mmseg segmentor. A decode head without ``in_channels`` gets those of the backbone's levels
            that its ``in_index`` names.

    Example:
        >>> task = dict(
        ...     type='EncoderDecoder', data_preprocessor=dict(type='SegDataPreProcessor'),
        ...     backbone=dict(type='ResNet', depth=18, base_channels=8), test_cfg=dict(mode='whole'),
        ...     decode_head=dict(type='FCNHead', in_index=3, channels=4, num_classes=2))
        >>> model = TaskGuidedSegmentor(scene=dict(type='FixedFusion', rule='average'), task=task)
        >>> model.task.decode_head.in_channels
        64
    """

    @staticmethod
    def build_task(config: dict) -> BaseSegmentor:
        """Build an mmseg segmentor; its decode head asks the backbone where the config leaves the channels out."""
        config = ConfigDict(deepcopy(dict(config)))
        config.setdefault('_scope_', 'mmseg')
        head = config.get('decode_head')
        if isinstance(head, dict) and not {'in_channels', 'kernel_generate_head'} & set(head):  # K-Net has heads in it
            widths = backbone_channels(config.backbone, config._scope_)
            index = head.get('in_index', -1)
            head.in_channels = widths[index] if isinstance(index, int) else [widths[i] for i in index]
        return MODELS.build(config)

    def _task_inputs(self, image: Tensor, data_samples: list) -> tuple[Tensor, list]:
        inputs, data_samples = super()._task_inputs(image, data_samples)
        if self.training and inputs[0, 0].numel() > 2 * image[0, 0].numel():
            (height, width), (high, wide) = image.shape[-2:], inputs.shape[-2:]
            warnings.warn(  # which shows a message once
                f'The segmentor pads training images of {height} x {width} to {high} x {wide} (height x width), so '
                'that most of what it computes is padding. Set model.task.data_preprocessor.size='
                f'({height}, {width}), or size=None with a size_divisor.', stacklevel=2)
        return inputs, data_samples
