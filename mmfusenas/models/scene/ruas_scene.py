"""The scene module of RUAS: Retinex-inspired unrolling."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.distillation_cell import OPERATORS_RUAS, DistillationCell
from mmfusenas.models.scene.base_scene import BaseScene
from mmfusenas.models.utils.bounded import bounded
from mmfusenas.models.utils.illumination import illumination_scalars
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS

WARM_STARTS = ('rectified', 'fixed', 'feature')
UPDATES = ('published', 'additive')
LOSS = dict(type='RTVSceneLoss')


@MODELS.register_module()
class RUASScene(Searchable, BaseScene):
    r"""Illumination estimation by unrolling (RUAS section 3.2, eqs. 3-4), which brightens a dark image.

    Stage k = 1..K of the image y estimates the illumination :math:`t^k` from :math:`\hat t` with the searched cell
    :class:`DistillationCell`, and divides, :math:`u^k = \mathrm{clamp}(y / t^k, 0, 1)`. It starts from
    :math:`\hat t = \max_\Omega y`; what the later stages start from is ``warm_start``. ``update`` says how the
    illumination comes of the cell:

    - ``'published'``: :math:`t = \mathrm{clamp}(\sigma(C_s(\hat t)), t_{min}, 1)`, as the authors' weights were made.
      A constant minimises the smoothness of the scene loss, and a cell with a constant output gives one: trained so, t
      is the same everywhere in every image.
    - ``'additive'``: :math:`t = \mathrm{clamp}(\hat t - (1 - \sigma(C_s(\hat t))), t_{min}, 1)`, eq. 3 with a gradient
      :math:`\nabla g = 1 - \sigma(C_s)` between 0 and 1. With a constant output t still follows the image.

    The stages share the architecture, not the weights. The image is u of the last stage. In use, ``strength`` of the
    module blends the illumination in, :math:`u = y / t^{strength}`: at 0 the image stays as it is.

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
        update: ``'published'`` or ``'additive'``. Defaults to 'published', which checkpoints without the key are of.
        exposure: Grey level in (0, 1) to which a value at an image's mean is brought before the first stage, by
            :func:`even_illumination`, which counts as a part of t: the cell sees some thirty pixels, and not how dark
            the image is. Beyond the paper. Defaults to None: it begins with the image itself.
        operators: Short names of the candidate operators. Defaults to the paper's seven.
        loss: Config of the scene loss, :class:`RTVSceneLoss` or :class:`SmoothSceneLoss`. Defaults to the former.
            None for a module that does not learn by itself.
        data_preprocessor, init_cfg: As in :class:`BaseScene`.

    Shape:
        ``visible`` N x 3 x H x W, BGR in [0, 1]; ``image`` the same; ``illumination`` t of the last stage, RGB.

    Raises:
        ValueError: If the genotype is of another space, a candidate is unknown, ``warm_start`` is another word,
            ``gamma`` outside [0, 1], ``t_min`` outside (0, 1], ``update`` another word, ``exposure`` outside (0, 1), or
            there is no stage.

    Example:
        >>> net = RUASScene(genotype='ruas-scene')
        >>> sum(p.numel() for p in net.parameters())
        1161
        >>> net(dict(visible=torch.rand(1, 3, 61, 83))).shape
        torch.Size([1, 3, 61, 83])
    """

    sensors = ('visible',)
    strength = 1.0
    """How far an image is brightened outside training, from 0 to 1."""

    def __init__(self, genotype: GenotypeSource | None = None, stages: int = 3, warm_start: str = 'rectified',
                 gamma: float = 0.5, t_min: float = 1e-4, operators: Sequence[str] = OPERATORS_RUAS,
                 loss: dict | None = LOSS, data_preprocessor: dict | None = None, init_cfg: dict | None = None,
                 update: str = 'published', exposure: float | None = None) -> None:
        super().__init__(loss, data_preprocessor, init_cfg)
        if update not in UPDATES:
            raise InputError(f'RUASScene got update={update!r}; it knows {UPDATES}.')
        if warm_start not in WARM_STARTS or not 0 <= gamma <= 1:
            raise InputError(f'RUASScene got warm_start={warm_start!r} and gamma={gamma}; it knows {WARM_STARTS}, and '
                             'gamma is between 0 and 1.')
        if stages < 1 or not 0 < t_min <= 1:
            raise InputError(f'RUASScene got stages={stages} and t_min={t_min}; it has at least one stage, and an '
                             'illumination above 0, up to 1.')
        if exposure is not None and not 0 < exposure < 1:
            raise InputError(f'RUASScene got exposure={exposure}; it is a grey level between 0 and 1, or None.')
        self.stages, self.warm_start, self.gamma, self.t_min = stages, warm_start, gamma, t_min
        self.update, self.exposure = update, exposure
        self.cell = DistillationCell(3, stages, operators)
        if update == 'additive':  # from a small gradient: with 1/2 a dark image begins at t_min, where nothing learns
            nn.init.constant_(self.cell.distill[-1].bias, 1.0)
        self.specialize(genotype)

    @property
    def needs_whole_images(self) -> bool:
        """Whether the mean of an image counts."""
        return self.exposure is not None

    def unroll(self, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return (u, t) of every stage.

        Shape:
            N x 3 x H x W, RGB in [0, 1], to pairs of the same.
        """
        first = 1.0
        if self.exposure is not None:
            first = even_illumination(y, self.exposure)
            y = y / first
        start, results = local_max(y), []
        for stage in range(self.stages):
            warm = self._warm(start, y, results)
            t = self.cell(warm, stage).sigmoid()
            # At t_min the scene loss has to bring the additive form back.
            t = t.clamp(self.t_min, 1) if self.update == 'published' else bounded(warm - (1 - t), self.t_min, 1)
            results.append(((y / t).clamp(0, 1), (first * t).clamp(min=self.t_min)))
        return results

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        y = inputs['visible'].flip(1)
        u, t = self.unroll(y)[-1]
        if self.strength != 1 and not self.training:
            u = (y / t ** self.strength).clamp(0, 1)
        return dict(image=u.flip(1), illumination=t)

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.loss is None:
            return {}
        y, t = inputs['visible'].flip(1), images['illumination']
        return dict(self.loss(t, y), **illumination_scalars(t, y))

    def _warm(self, start: Tensor, y: Tensor, results: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the illumination that a stage begins with."""
        if not results or self.warm_start == 'fixed':
            return start
        u = results[-1][0]
        return u if self.warm_start == 'feature' else local_max(u) - self.gamma * (u - y)


def even_illumination(y: Tensor, exposure: float, least: float = 5e-3) -> Tensor:
    r"""Return the illumination :math:`y + c (1 - y)` by which a value at an image's mean gets a grey level.

    Divided by it, every value of an image has 1 / c times its odds y / (1 - y): black and white stay what they are, and
    nothing else gets there. c is the odds of the image's mean, over pixels and channels, divided by those of
    ``exposure``, and at most 1, so nothing gets darker.

    Args:
        y: Images.
        exposure: Grey level in (0, 1) that a value at the mean of its image gets.
        least: Least c: of images that are nearly black a few values would become white. Defaults to 5e-3, which images
            have whose mean is 0.4 of 255 where ``exposure`` is 0.25.

    Shape:
        N x C x H x W in [0, 1] to the same.

    Example:
        >>> y = torch.full((1, 3, 4, 6), 0.1)
        >>> round(float((y / even_illumination(y, 0.25)).mean()), 4)
        0.25
    """
    mean = y.mean((1, 2, 3), keepdim=True)
    c = mean * (1 - exposure) / ((1 - mean).clamp(min=1e-4) * exposure)
    return y + c.clamp(least, 1) * (1 - y)


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
