"""A scene module in front of a task module: what detection and segmentation share."""
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmfusenas.core.errors import InputError, StateError
from mmfusenas.models.scene.base_scene import add_pred_img, check_whole_images, checked_losses, losses_of_sizes
from mmfusenas.models.stages import Stages
from mmfusenas.models.utils.bounded import bounded
from mmfusenas.models.utils.memory_layout import prefer_channels_last
from mmfusenas.registry import MODELS

_PAIR = ('visible', 'infrared')


class TaskGuided(Stages, BaseModel):
    """Task-guided fusion (TIM section 3.1): scene module N_F, then an untouched task module N_T of mmdet or mmseg.

    The scene module turns the sensors' images into one BGR image in 0-255, clamped to that range as a photograph
    is; the task's own preprocessor normalises and pads it exactly as it would a photograph. With ``sees='channels'``
    the task has the sensors too: its three channels are visible luma, fused luma and infrared. ``stage`` says what
    trains:

    - ``'scene'``: the scene module alone, with its unsupervised loss l_F; the task module does not run (eq. 2).
    - ``'joint'``: both, with l_T + eta * l_F: the task's gradient guides the fusion.
    - ``'separate'``: both, each with its own loss: as ``'joint'``, but the task's gradient does not reach the scene
      module. What ``'joint'`` gains over it is due to guidance, and not to the longer training of the scene module.
    - ``'task'``: the task module alone, on the images of a frozen scene module, which runs without gradient and with
      its BatchNorm statistics fixed. ``direct`` fusion is this after ``'scene'``.

    What does not train is not in the graph: its gradients stay None and optimizers skip it.
    :class:`TaskGuidanceHook` moves from stage to stage.

    Args:
        scene: Config of the scene module (:class:`TIMFusion`, :class:`FixedFusion`, ...).
        task: Config of the task module.
        eta: Weight of the scene's loss in the stages ``'joint'`` and ``'separate'``. Defaults to 1.0.
        norm_eval: Whether the scene's BatchNorm keeps its statistics in these stages, as mmdet's backbones do: in a
            small batch of unlike scenes an image would depend on its neighbours. Statistics have to be there by then,
            from pretrained weights or from a ``'scene'`` stage. Defaults to False.
        sees: What the task sees: ``'image'``, the fused one, as in the paper, or ``'channels'``: visible luma, fused
            luma and infrared of a pair as blue, green and red. Predictions show the fused image either way. Defaults
            to 'image'.
        data_preprocessor: Config of the preprocessor of the pairs. Defaults to ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        inputs: ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W in [0, 1].

    Raises:
        ValueError: On another word for ``sees``, or channels of a single sensor.
    """

    def __init__(self, scene: dict, task: dict, eta: float = 1.0, norm_eval: bool = False, sees: str = 'image',
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor or dict(type='mmfusenas.PairDataPreprocessor'), init_cfg)
        self.scene = MODELS.build(scene)
        self.task = self.build_task(task)
        self.eta = eta
        if sees not in ('image', 'channels') or (sees == 'channels' and set(self.scene.sensors) != set(_PAIR)):
            raise InputError(f"{type(self).__name__} got sees={sees!r} and a scene module of "
                             f"{' and '.join(self.scene.sensors)}: sees is 'image' or, of {' and '.join(_PAIR)}, "
                             "'channels'.")
        self.sees = sees
        self.norm_eval = norm_eval
        prefer_channels_last(self)

    @staticmethod
    @abstractmethod
    def build_task(config: dict) -> BaseModel:
        """Build the task module."""

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor | tuple:
        """Run the model.

        Args:
            inputs: ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W, in [0, 1].
            data_samples: The task's own sample an image (``DetDataSample``, ``SegDataSample``).
            mode: ``'loss'`` returns a dict of losses, ``'predict'`` the samples with the task's predictions and
                ``pred_img`` (uint8 H x W x 3, BGR), ``'tensor'`` the task's raw outputs.

        Raises:
            RuntimeError: On any other mode.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            image = self.seen(self.scene.images(inputs), inputs).clamp(0, 1)
            return self.task(task_input(self.task, image), mode='tensor')
        raise StateError(f"{type(self).__name__}.forward got mode {mode!r}; it knows 'tensor', 'loss' and 'predict'.")

    def loss(self, inputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the losses of the present stage; those of the scene module are named ``scene.*``."""
        check_whole_images(self.scene, inputs, data_samples)
        images = self.scene_images(inputs)
        losses = {}
        if self.stage != 'scene':
            # In the range of a photograph, as in a test; the gradient still brings back what has left it.
            image = bounded(self.task_image(self.seen(images, inputs)), 0.0, 1.0)
            with _enough_positions(self.task, image):
                losses.update(self.task.loss(*self._task_inputs(image, data_samples)))
        # The scene's loss without the padding of the batch, as the task sees the images.
        losses.update(losses_of_sizes(self.scene_losses, images, inputs, data_samples))
        return checked_losses(self, losses)

    def predict(self, inputs: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with the task's predictions in the original image's pixels, and the fused image."""
        images = self.scene.images_of_sizes(inputs, data_samples)
        image = self.seen(images, inputs).clamp(0, 1)
        with _enough_positions(self.task, image):
            data_samples = self.task.predict(*self._task_inputs(image, data_samples))
        data_samples = add_pred_img(data_samples, images['image'])
        for sample in data_samples:
            sample.fused_img = sample.pred_img  # its name before; it goes with the next release
        return data_samples

    def seen(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> Tensor:
        """Return what the task sees, not clamped.

        Shape:
            ``image`` N x 3 x H x W, ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W, to N x 3 x H x W.
        """
        if self.sees == 'image':
            return images['image']
        return torch.cat([images['visible_luma'], images['fused_luma'], inputs['infrared']], 1)

    def _task_inputs(self, image: Tensor, data_samples: list) -> tuple[Tensor, list]:
        """Pass each image, without the padding of the batch, through the task's own preprocessor."""
        shapes = [sample.metainfo['img_shape'][:2] for sample in data_samples]
        task_images = [pixels[:, :height, :width] * 255 for pixels, (height, width) in zip(image, shapes, strict=True)]
        data = self.task.data_preprocessor(dict(inputs=task_images, data_samples=data_samples), self.training)
        return data['inputs'], data['data_samples']


def task_input(task: BaseModel, image: Tensor) -> Tensor:
    """Return images of one size as a task's network takes them: as its own preprocessor makes them, not padded.

    Shape:
        N x 3 x H x W, BGR in [0, 1], to the same, normalised.
    """
    preprocessor, image = task.data_preprocessor, image * 255
    # mmdet's and mmseg's names for the same switch.
    if getattr(preprocessor, '_channel_conversion', False) or getattr(preprocessor, 'channel_conversion', False):
        image = image.flip(1)
    normalised = getattr(preprocessor, '_enable_normalize', False)  # mmengine's own preprocessor does not
    return (image - preprocessor.mean) / preprocessor.std if normalised else image


@contextmanager
def _enough_positions(task: BaseModel, image: Tensor) -> Iterator[None]:
    """Say what to do where a detector chooses more of its positions or scores than there are."""
    try:
        yield
    except RuntimeError as error:
        if not hasattr(task, 'num_queries') or 'selected index k out of range' not in str(error):
            raise
        height, width = image.shape[-2:]
        raise InputError(
            f'{type(task).__name__} chooses num_queries={task.num_queries} of the positions of its feature maps, and '
            f'max_per_img={task.bbox_head.test_cfg.get("max_per_img")} of their scores; an image of {height} x {width} '
            '(height x width) has fewer. Set model.task.num_queries and model.task.test_cfg.max_per_img lower, or give '
            'larger images (mmdet.Resize).') from error
