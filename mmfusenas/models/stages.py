"""Training stages of a model of a scene module and a task module."""
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmfusenas.core.errors import InputError
from mmfusenas.models.utils.illumination import illumination_scalars

STAGES = ('scene', 'joint', 'separate', 'task')


class Stages:
    """Mixin of the models with a module ``scene``: the stages that :class:`TaskGuidanceHook` moves them through.

    What does not train is not in the graph: its gradients stay None and optimizers skip it. In the stage ``'task'``
    the scene module is frozen: without gradient, and in evaluation mode. In ``'separate'`` both train as in
    ``'joint'``, but the task's gradient ends at the image: it is the control of guidance. With ``norm_eval`` the
    scene's BatchNorm keeps its statistics in these two stages as well.
    """

    scene: nn.Module
    eta: float
    norm_eval = False
    _stage = 'joint'

    @property
    def stage(self) -> str:
        """What trains: ``'scene'``, ``'joint'``, ``'separate'`` or ``'task'``."""
        return self._stage

    @stage.setter
    def stage(self, stage: str) -> None:
        if stage not in STAGES:
            raise InputError(f'{type(self).__name__} got stage {stage!r}; it knows {STAGES}.')
        self._stage = stage
        self.train(self.training)

    def scene_images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what the scene module makes of the inputs, without gradient where it is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not (self.training and self.stage == 'task')):
            return self.scene.images(inputs)

    def task_image(self, image: Tensor) -> Tensor:
        """Return the image as the task trains on it: in the stage ``'separate'`` its gradient ends there."""
        return image.detach() if self.stage == 'separate' else image

    def scene_losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the scene module's own losses by ``scene.NAME``, weighed by ``eta`` where the task trains as well.

        Scalars that are no losses, of what trains, are not weighed.
        """
        weight = dict(scene=1.0, joint=self.eta, separate=self.eta, task=0.0)[self.stage]
        losses = self.scene.losses(images, inputs) if weight else {}
        if self.stage != 'task' and 'illumination' in images:  # also where the scene's loss counts for nothing
            losses = dict(losses, **illumination_scalars(images['illumination'], inputs['visible'].flip(1)))
        return {f'scene.{name}': value * weight if 'loss' in name else value for name, value in losses.items()}

    def train(self, mode: bool = True) -> Any:
        """Set the training mode; a frozen scene module stays in evaluation mode, and so may its BatchNorm."""
        super().train(mode)
        if self.stage == 'task':
            self.scene.eval()
        elif self.stage in ('joint', 'separate') and self.norm_eval:
            for module in self.scene.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
