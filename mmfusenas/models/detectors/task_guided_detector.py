"""A scene module in front of any mmdet detector."""
from __future__ import annotations

from copy import deepcopy

import torch
from mmdet.models.dense_heads import SSDHead
from mmdet.models.losses import CrossEntropyLoss
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mmfusenas.models.scene.base_fusion import add_fused_img
from mmfusenas.registry import MODELS

STAGES = ('scene', 'joint', 'task')


@MODELS.register_module()
class TaskGuidedDetector(BaseModel):
    """Task-guided fusion for detection (TIM section 3.1): scene module N_F, then an untouched mmdet detector N_T.

    The scene module turns the sensors' pictures into one BGR picture in 0-255; the detector's own preprocessor
    normalises and pads it exactly as it would a photograph. ``stage`` says what trains:

    - ``'scene'``: the scene module alone, with its unsupervised loss l_F; the detector does not run (eq. 2).
    - ``'joint'``: both, with l_T + eta * l_F: the detector's gradient guides the fusion.
    - ``'task'``: the detector alone, on the pictures of a frozen scene module, which runs without gradient and with
      its BatchNorm statistics fixed. ``direct`` fusion is this after ``'scene'``.

    What does not train is not in the graph: its gradients stay None and optimizers skip it.
    :class:`TaskGuidanceHook` moves from stage to stage.

    Args:
        scene: Config of the scene module (:class:`TIMFusion`, :class:`FixedFusion`, ...).
        task: Config of an mmdet detector. A neck config without ``in_channels`` gets those of the backbone.
        eta: Weight of the scene's loss in the joint stage. Defaults to 1.0.
        norm_eval: Whether the scene's BatchNorm keeps its statistics in the joint stage, as mmdet's backbones do: in a
            small batch of unlike scenes a picture would depend on its neighbours. Statistics have to be there by then,
            from pretrained weights or from a ``'scene'`` stage. Defaults to False.
        data_preprocessor: Config of the preprocessor of the pairs. Defaults to ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        inputs: ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W in [0, 1].

    Example:
        >>> model = MODELS.build(dict(type='TaskGuidedDetector', scene=dict(type='FixedFusion', rule='average'),
        ...                           task=dict(_scope_='mmdet', type='RetinaNet', ...)))
    """

    def __init__(self, scene: dict, task: dict, eta: float = 1.0, norm_eval: bool = False,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor or dict(type='mmfusenas.PairDataPreprocessor'), init_cfg)
        self.scene = MODELS.build(scene)
        self.task = build_detector(task)
        self.eta = eta
        self.norm_eval = norm_eval
        self.stage = 'joint'
        self.to(memory_format=torch.channels_last)  # what convolutions on a CPU, and under AMP, prefer

    @property
    def stage(self) -> str:
        """What trains: ``'scene'``, ``'joint'`` or ``'task'``."""
        return self._stage

    @stage.setter
    def stage(self, stage: str) -> None:
        if stage not in STAGES:
            raise ValueError(f'TaskGuidedDetector got stage {stage!r}; it knows {STAGES}.')
        self._stage = stage
        self.train(self.training)

    def train(self, mode: bool = True) -> TaskGuidedDetector:
        """Set the training mode; a frozen scene module stays in evaluation mode, and so may its BatchNorm."""
        super().train(mode)
        if self.stage == 'task':
            self.scene.eval()
        elif self.stage == 'joint' and self.norm_eval:
            for module in self.scene.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor | tuple:
        """Run the model.

        Args:
            inputs: ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W, in [0, 1].
            data_samples: mmdet's DetDataSample a picture.
            mode: ``'loss'`` returns a dict of losses, ``'predict'`` the samples with ``pred_instances`` and
                ``fused_img`` (uint8 H x W x 3, BGR), ``'tensor'`` the detector's raw outputs.

        Raises:
            RuntimeError: On any other mode.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            return self.task(self.scene.pictures(inputs)['picture'] * 255, mode='tensor')
        raise RuntimeError(f"TaskGuidedDetector.forward got mode {mode!r}; it knows 'tensor', 'loss' and 'predict'.")

    def loss(self, inputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the losses of the present stage; those of the scene module are named ``scene.*``."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.stage != 'task'):
            pictures = self.scene.pictures(inputs)
        losses = {}
        if self.stage != 'scene':
            losses.update(self.task.loss(*self._photographs(pictures['picture'], data_samples)))
        if self.stage != 'task':
            weight = self.eta if self.stage == 'joint' else 1.0
            losses.update({f'scene.{k}': v * weight for k, v in self.scene.losses(pictures, inputs).items()})
        return losses

    def predict(self, inputs: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with detections in the original picture's pixels, and the fused picture."""
        picture = self.scene.pictures(inputs)['picture'].clamp(0, 1)
        data_samples = self.task.predict(*self._photographs(picture, data_samples))
        return add_fused_img(data_samples, picture)

    def _photographs(self, picture: Tensor, data_samples: list) -> tuple[Tensor, list]:
        """Pass each picture, without the padding of the batch, through the detector's own preprocessor."""
        shapes = [sample.metainfo['img_shape'][:2] for sample in data_samples]
        images = [image[:, :height, :width] * 255 for image, (height, width) in zip(picture, shapes, strict=True)]
        data = self.task.data_preprocessor(dict(inputs=images, data_samples=data_samples), self.training)
        return data['inputs'], data['data_samples']


def build_detector(config: dict) -> BaseModel:
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


@torch.no_grad()
def backbone_channels(config: dict, scope: str = 'mmdet') -> list[int]:
    """Return the channels of a backbone's outputs, read off a blank picture."""
    backbone = MODELS.build(ConfigDict(_scope_=scope, **config))
    backbone.eval()  # not chained: mmdet's ResNet returns None
    return [feature.shape[1] for feature in backbone(torch.zeros(1, 3, 64, 64))]
