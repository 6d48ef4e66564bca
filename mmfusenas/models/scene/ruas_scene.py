"""The scene module of RUAS: Retinex-inspired unrolling."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.distillation_cell import OPERATORS_RUAS, DistillationCell
from mmfusenas.models.scene.base_scene import BaseScene
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS

WARM_STARTS = ('rectified', 'fixed', 'feature')
LOSS = dict(type='RTVSceneLoss')


@MODELS.register_module()
class RUASScene(Searchable, BaseScene):
    r"""Illumination estimation by unrolling (RUAS section 3.2, eqs. 3-4), which brightens a dark image.

    Stage k = 1..K of the image y estimates the illumination :math:`t^k = \mathrm{clamp}(\sigma(C_s(\hat t)),
    t_{min}, 1)` with the searched cell :class:`DistillationCell` and divides, :math:`u^k = \mathrm{clamp}(y / t^k, 0,
    1)`. It starts from :math:`\hat t = \max_\Omega y`; what the later stages start from is ``warm_start``. The stages
    share the architecture, not the weights. The image is u of the last stage.

    Args:
        genotype: None builds the supernet; a published name (``'ruas-scene'``, ``'ruas-scene-det'``), a file, a dict
            or a Genotype builds the derived network.
        stages: K. Defaults to 3 (table 2).
        warm_start: ``'rectified'``: :math:`\hat t = \max_\Omega u - \gamma (u - y)`, which holds back what is too
            bright (section 5.1; the paper's text has t in the place of u, the published weights were made with u).
            ``'fixed'``: the first :math:`\hat t` again, fig. 3 (b). ``'feature'``: :math:`\hat t = u`, the form for
            detection. Defaults to 'rectified'.
        gamma: Weight of the rectification, in [0, 1]; at 0 there is none (fig. 3 c). Defaults to 0.5.
        t_min: Least illumination. Defaults to 1e-4 (1e-3 in the version of CVPR 2021).
        operators: Short names of the candidate operators. Defaults to the paper's seven.
        loss: Config of the scene loss, :class:`RTVSceneLoss` or :class:`SmoothSceneLoss`. Defaults to the former.
            None for a module that does not learn by itself.
        data_preprocessor, init_cfg: As in :class:`BaseScene`.

    Shape:
        ``visible`` N x 3 x H x W, BGR in [0, 1]; ``image`` the same; ``illumination`` t of the last stage, RGB.

    Raises:
        ValueError: If the genotype is of another space, a candidate is unknown, ``warm_start`` is another word,
            ``gamma`` outside [0, 1], ``t_min`` outside (0, 1], or there is no stage.

    Example:
        >>> net = RUASScene(genotype='ruas-scene')
        >>> sum(p.numel() for p in net.parameters())
        1161
        >>> net(dict(visible=torch.rand(1, 3, 61, 83))).shape
        torch.Size([1, 3, 61, 83])
    """

    sensors = ('visible',)

    def __init__(self, genotype: GenotypeSource | None = None, stages: int = 3, warm_start: str = 'rectified',
                 gamma: float = 0.5, t_min: float = 1e-4, operators: Sequence[str] = OPERATORS_RUAS,
                 loss: dict | None = LOSS, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(loss, data_preprocessor, init_cfg)
        if warm_start not in WARM_STARTS or not 0 <= gamma <= 1:
            raise InputError(f'RUASScene got warm_start={warm_start!r} and gamma={gamma}; it knows {WARM_STARTS}, and '
                             'gamma is between 0 and 1.')
        if stages < 1 or not 0 < t_min <= 1:
            raise InputError(f'RUASScene got stages={stages} and t_min={t_min}; it has at least one stage, and an '
                             'illumination above 0, up to 1.')
        self.stages, self.warm_start, self.gamma, self.t_min = stages, warm_start, gamma, t_min
        self.cell = DistillationCell(3, stages, operators)
        self.specialize(genotype)

    def unroll(self, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return (u, t) of every stage.

        Shape:
            N x 3 x H x W, RGB in [0, 1], to pairs of the same.
        """
        start, results = local_max(y), []
        for stage in range(self.stages):
            t = self.cell(self._warm(start, y, results), stage).sigmoid().clamp(self.t_min, 1)
            results.append(((y / t).clamp(0, 1), t))
        return results

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        u, t = self.unroll(inputs['visible'].flip(1))[-1]
        return dict(image=u.flip(1), illumination=t)

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.loss is None:
            return {}
        return self.loss(images['illumination'], inputs['visible'].flip(1))

    def _warm(self, start: Tensor, y: Tensor, results: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the illumination that a stage begins with."""
        if not results or self.warm_start == 'fixed':
            return start
        u = results[-1][0]
        return u if self.warm_start == 'feature' else local_max(u) - self.gamma * (u - y)


def local_max(x: Tensor) -> Tensor:
    """Return the maximum over 2 x 2 windows of stride 1, from each pixel to the right and down; zeros lie beyond.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> local_max(torch.tensor([[[[1.0, 2.0], [3.0, 0.0]]]])).flatten().tolist()
        [3.0, 2.0, 3.0, 0.0]
    """
    # As two maxima of shifted images: max_pool2d takes many times as long on a CPU.
    x = torch.maximum(x, F.pad(x[..., 1:], (0, 1)))
    return torch.maximum(x, F.pad(x[..., 1:, :], (0, 0, 0, 1)))
