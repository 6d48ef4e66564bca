"""A scene module in front of any mmdet detector."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from mmdet.models.dense_heads import SSDHead
from mmdet.models.losses import CrossEntropyLoss
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from torch import Tensor

from mmfusenas.core.errors import InputError
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

    def loss(self, inputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the losses of the present stage, see :meth:`TaskGuided.loss`."""
        with _enough_positions(self.task, inputs):
            return super().loss(inputs, data_samples)

    def predict(self, inputs: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with their detections, see :meth:`TaskGuided.predict`."""
        with _enough_positions(self.task, inputs):
            return super().predict(inputs, data_samples)


@contextmanager
def _enough_positions(task: BaseModel, inputs: dict[str, Tensor]) -> Iterator[None]:
    """Say what to do where a detector chooses more of its positions or scores than there are."""
    try:
        yield
    except RuntimeError as error:
        if not hasattr(task, 'num_queries') or 'selected index k out of range' not in str(error):
            raise
        height, width = inputs['visible'].shape[-2:]
        raise InputError(
            f'{type(task).__name__} chooses num_queries={task.num_queries} of the positions of its feature maps, and '
            f'max_per_img={task.bbox_head.test_cfg.get("max_per_img")} of their scores; an image of {height} x {width} '
            '(height x width) has fewer. Set model.task.num_queries and model.task.test_cfg.max_per_img lower, or give '
            'larger images (mmdet.Resize).') from error
