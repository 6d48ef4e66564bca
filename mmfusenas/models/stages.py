"""What trains of a model that is a scene module and what follows it."""
from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

STAGES = ('scene', 'joint', 'task')


class Stages:
    """Mixin of the models with a module ``scene``: the stages that :class:`TaskGuidanceHook` moves them through.

    What does not train is not in the graph: its gradients stay None and optimizers skip it. In the stage ``'task'``
    the scene module is frozen: without gradient, and in evaluation mode. With ``norm_eval`` its BatchNorm keeps its
    statistics in the joint stage as well.
    """

    scene: nn.Module
    norm_eval = False
    _stage = 'joint'

    @property
    def stage(self) -> str:
        """What trains: ``'scene'``, ``'joint'`` or ``'task'``."""
        return self._stage

    @stage.setter
    def stage(self, stage: str) -> None:
        if stage not in STAGES:
            raise ValueError(f'{type(self).__name__} got stage {stage!r}; it knows {STAGES}.')
        self._stage = stage
        self.train(self.training)

    def train(self, mode: bool = True) -> Any:
        """Set the training mode; a frozen scene module stays in evaluation mode, and so may its BatchNorm."""
        super().train(mode)
        if self.stage == 'task':
            self.scene.eval()
        elif self.stage == 'joint' and self.norm_eval:
            for module in self.scene.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
