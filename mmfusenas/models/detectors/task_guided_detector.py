"""A scene module in front of any mmdet detector."""
from __future__ import annotations

from copy import deepcopy

from mmdet.models.dense_heads import SSDHead
from mmdet.models.losses import CrossEntropyLoss
from mmengine.config import ConfigDict
from mmengine.model import BaseModel

from mmfusenas.models.task_guided import TaskGuided
from mmfusenas.models.utils.backbone_channels import backbone_channels
from mmfusenas.registry import MODELS


@MODELS.register_module()
class TaskGuidedDetector(TaskGuided):
    """Task-guided fusion for detection (TIM section 4.3.1): a scene module, then an untouched mmdet detector.

    Stages, losses and arguments are those of :class:`TaskGuided`. Predictions are mmdet's ``DetDataSample`` with
    ``pred_img``.

    Args:
        task: Config of an mmdet detector. A neck config without ``in_channels`` gets those of the backbone.

    Raises:
        ValueError: If a detector of queries (DINO) chooses more of them than an image has positions.

    Example:
        >>> task = dict(
        ...     type='RetinaNet', data_preprocessor=dict(type='DetDataPreprocessor'),
        ...     backbone=dict(type='ResNet', depth=18, base_channels=8),
        ...     neck=dict(type='FPN', out_channels=8, num_outs=5),
        ...     bbox_head=dict(type='RetinaHead', num_classes=2, in_channels=8, feat_channels=8))
        >>> model = TaskGuidedDetector(scene=dict(type='FixedFusion', rule='average'), task=task)
        >>> model.task.neck.in_channels
        [8, 16, 32, 64]
    """

    @staticmethod
    def build_task(config: dict) -> BaseModel:
        """Build an mmdet detector; its neck asks the backbone for the channels where the config leaves them out."""
        # mmdet reads test_cfg by attribute: a plain dict trains and then fails in predict.
        config = ConfigDict(deepcopy(dict(config)))
        config.setdefault('_scope_', 'mmdet')
        if config.get('neck') and 'in_channels' not in config.neck:
            config.neck.in_channels = backbone_channels(config.backbone, config._scope_)
        detector = MODELS.build(config)
        head = getattr(detector, 'bbox_head', None)
        if isinstance(head, SSDHead) and not hasattr(head, 'loss_cls'):
            # mmdet 3.3.0's SSDHead has none, but its predict asks for it (mmdet #11780); goes when mmdet sets one.
            head.loss_cls = CrossEntropyLoss()
        return detector
