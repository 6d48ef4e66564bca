"""Restoration by a deep unfolding under adaptive hyper-guidance."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.model import ModuleList
from torch import Tensor

from mmfusenas.core.errors import InputError, MissingKeyError
from mmfusenas.models.restorers.restoration import get_reference
from mmfusenas.models.scene.base_scene import BaseScene, without_padding
from mmfusenas.registry import MODELS

LAMBDA = 0.01**2 / 3
"""The weight lambda of rho = lambda 255^2 / sigma^2."""


@MODELS.register_module()
class HyperGuidedRestoration(BaseScene):
    r"""Deep unfolding in K stages with own weights (Gao et al., The Visual Computer 2023).

    From :math:`x_0 = y`, where there is blur with tapered borders, every :class:`GuidedStage` makes a better
    :math:`x_i`, with :math:`\rho_i = \lambda\, 255^2 / \sigma_i^2` from falling levels :math:`\sigma_i`, evenly spaced
    by their logarithm. The outer level trains all but the proxies by the reconstruction of every stage; the inner
    level, of a :class:`BilevelSearchHook` with a :class:`GuidanceLoss`, trains the proxies in alternation. With
    ``guidance_loss`` the model itself has that loss as well: the naive joint training, where the hook goes by
    ``losses=['model']``.

    The planes of a colour image are restored one by one, by the same weights.

    Args:
        stage: Config of a stage, a :class:`GuidedStage`.
        stages: K. Defaults to 5.
        levels: First and last :math:`\sigma_i`, in grey levels. Defaults to (49, 13).
        loss: Config of the outer loss. Defaults to ``dict(type='StageLoss')``.
        guidance_loss: Config of a :class:`GuidanceLoss` that is added to it, for joint training. Defaults to None.
        data_preprocessor: Defaults to ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        ``visible`` N x C x H x W in [0, 1], C 1 or 3, and where there is blur ``kernel`` N x 1 x K x K; ``image``
        N x 3 x H x W, ``stages`` and ``guidance`` N x K C x H x W, in training ``truth`` N x C x H x W
        where it is known.

    Raises:
        ValueError: If there is no stage, or a level is not above 0.
        KeyError: In training, if there is no reference, or a guidance loss compares with what is not known; with
            :class:`KnownGuidance`, if the true map is not known.

    Example:
        >>> model = MODELS.build(dict(type='HyperGuidedRestoration', stage=dict(
        ...     type='GuidedStage', physics=dict(type='Deconvolution'), proxy=dict(type='GuidanceProxy'))))
        >>> sum(p.numel() for p in model.parameters())
        1676810
    """

    sensors = ('visible',)

    def __init__(self, stage: dict, stages: int = 5, levels: tuple[float, float] = (49.0, 13.0),
                 loss: dict | None = None, guidance_loss: dict | None = None, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(loss or dict(type='StageLoss'),
                         data_preprocessor or dict(type='mmfusenas.PairDataPreprocessor'), init_cfg)
        if stages < 1 or min(levels) <= 0:
            raise InputError(f'HyperGuidedRestoration got stages={stages} and levels={tuple(levels)}: at least one '
                             'stage, and levels above 0.')
        self.stages = ModuleList(MODELS.build(stage) for _ in range(stages))
        self.guidance_loss = MODELS.build(guidance_loss) if guidance_loss else None
        self.rho = penalties(levels, stages)

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        visible = inputs['visible']
        planes = visible.shape[1]
        y = visible.flatten(0, 1)[:, None]
        physics = self.stages[0].physics
        known = physics.prepare(y, _repeated(inputs.get('kernel'), planes))
        if self.stages[0].reads_truth:
            known = dict(known, truth=self._known_truth(inputs))
        x, guidance, images, maps = known.get('start', y), None, [], []
        for stage, rho in zip(self.stages, self.rho, strict=True):
            x, guidance = stage(y, x, rho, guidance, known)
            images.append(x)
            maps.append(guidance)
        made = dict(image=_unfold(x, planes).expand(-1, 3, -1, -1) if planes == 1 else _unfold(x, planes),
                    stages=torch.cat([_unfold(image, planes) for image in images], 1))
        if guidance is not None:
            made['guidance'] = torch.cat([_unfold(single, planes) for single in maps], 1)
            truth = self.truth(inputs) if self.training else None
            if truth is not None:
                made['truth'] = truth
        return made

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        losses = self.loss(images['stages'], get_reference(inputs, 'HyperGuidedRestoration'))
        if self.guidance_loss is None:
            return losses
        known = images if 'truth' in images else dict(images, truth=self.truth(inputs))
        return {**losses, **self.guidance_loss(known, inputs)}

    @property
    def takes_kernel(self) -> bool:
        """Whether the physics is given the kernel of a blur."""
        return self.stages[0].physics.takes_kernel

    def truth(self, inputs: dict[str, Tensor]) -> Tensor | None:
        """Return the guidance as it should be, N x C x H x W, where it is known."""
        planes = inputs['visible'].shape[1]
        physics = self.stages[0].physics
        y, reference = (x.flatten(0, 1)[:, None]
                        for x in (inputs['visible'], get_reference(inputs, 'HyperGuidedRestoration')))
        truth = physics.truth(y, reference, _repeated(inputs.get('noise'), planes))
        return truth if truth is None else _unfold(truth, planes)

    def _known_truth(self, inputs: dict[str, Tensor]) -> Tensor:
        truth = self.truth(inputs)
        if truth is None:
            raise MissingKeyError('KnownGuidance hands on the true map, which is not known of these inputs. A level of '
                                  "noise is known where the inputs have 'noise' (BlurAndNoise).")
        return truth.flatten(0, 1)[:, None]

    def predict(self, images: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with ``pred_img`` and ``guidance``, H x W: the last stage's map, the planes' mean."""
        for sample, maps in zip(data_samples, images.get('guidance', ())):
            planes = len(maps) // len(self.stages)
            sample.guidance = without_padding(maps[-planes:].mean(0, keepdim=True), sample)[..., 0]
        return super().predict(images, data_samples)


def penalties(levels: tuple[float, float], stages: int) -> Sequence[float]:
    """Return rho of every stage: 0.01^2 / 3 times 255^2 over the square of the level."""
    sigmas = np.geomspace(*levels, stages)
    return [float(LAMBDA * 255**2 / sigma**2) for sigma in sigmas]


def _repeated(x: Tensor | None, planes: int) -> Tensor | None:
    """Return a further input of each image once for each of its planes."""
    return x if x is None else x.repeat_interleave(planes, 0)


def _unfold(planes: Tensor, count: int) -> Tensor:
    """Return the planes of images together again: N C x 1 x H x W to N x C x H x W."""
    return planes.view(-1, count, *planes.shape[2:])
