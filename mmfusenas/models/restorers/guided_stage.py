"""One stage of the unfolded restoration."""
from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmfusenas.registry import MODELS


@MODELS.register_module()
class GuidedStage(BaseModule):
    """One stage: a physics step, a proxy that predicts the guidance, and a denoiser that is handed it.

    ``z = physics(y, x)``, ``sigma = proxy(z)``, ``x' = z - denoiser([z, scale sigma])``.
    Where the physics itself needs the guidance (streaks, transmission), it gets that of the stage before; of what it
    has taken out of z with it nothing is left to see there, so ``sigma = proxy(y)``.

    Args:
        physics: Config of the physics step: :class:`Deconvolution`, :class:`AdditiveLayer`, :class:`Scattering`, or one
            of your own with ``prepare`` (whose ``start``, where it gives one, is x_0), ``forward`` and ``truth``,
            ``takes_kernel`` (whether it is for a blur) and ``reads_observation`` (whether the proxy looks at y).
        denoiser: Config of the denoiser. Defaults to ``dict(type='DilatedDenoiser')``, of as many channels as it needs.
        proxy: Config of the proxy, a :class:`GuidanceProxy`, or of a :class:`KnownGuidance` in its place; None is a
            stage without guidance. Defaults to None.
        scale: Factor of the map on its way to the denoiser, for maps that are small beside an image in [0, 1]: a
            noise of 1 to 5 % is 0.01 to 0.05. Defaults to 1.0.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        y, x, guidance: N x 1 x H x W; result: x' and sigma (None without a proxy), the same.

    Example:
        >>> stage = GuidedStage(dict(type='AdditiveLayer'), proxy=dict(type='GuidanceProxy')).eval()
        >>> y = torch.rand(1, 1, 32, 40)
        >>> [x.shape for x in stage(y, y, 0.01, None, {})]
        [torch.Size([1, 1, 32, 40]), torch.Size([1, 1, 32, 40])]
    """

    def __init__(self, physics: dict, denoiser: dict | None = None, proxy: dict | None = None,
                 scale: float = 1.0, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.physics = MODELS.build(physics)
        self.proxy = MODELS.build(proxy) if proxy else None
        self.scale = scale
        self.denoiser = MODELS.build(
            dict(denoiser or dict(type='DilatedDenoiser'), in_channels=1 if self.proxy is None else 2))

    @property
    def reads_truth(self) -> bool:
        """Whether the guidance is made of the true map."""
        return getattr(self.proxy, 'reads_truth', False)

    def forward(self, y: Tensor, x: Tensor, rho: float, guidance: Tensor | None,
                known: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        z = self.physics(y, x, rho, guidance, known)
        if self.proxy is None:
            return z - self.denoiser(z), None
        if self.reads_truth:
            guidance = self.proxy(known['truth'])
        else:
            guidance = self.proxy(y if self.physics.reads_observation else z)
        return z - self.denoiser(torch.cat([z, self.scale * guidance], 1)), guidance
