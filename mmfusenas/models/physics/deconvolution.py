"""The physics step of blurred and noisy images."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.registry import MODELS


@MODELS.register_module()
class Deconvolution(nn.Module):
    r"""Closed-form deconvolution, y = k * x + n: the guidance is the level of the noise n.

    .. math:: z = \arg\min_z \lVert k * z - y \rVert^2 + \rho \lVert z - x \rVert^2
        = \mathcal{F}^{-1} \frac{\overline{\mathcal{F} k}\, \mathcal{F} y + \rho\, \mathcal{F} x}
          {|\mathcal{F} k|^2 + \rho}

    The Fourier transform has images go round at the borders; :meth:`prepare` blurs them there so that they do
    (:func:`edge_taper`). Without a kernel nothing is blurred, and z is the mean of y and x with the weights 1 and rho.

    Shape:
        y, x: N x 1 x H x W in [0, 1]; kernel: N x 1 x K x K of sum 1, K odd, or None; z as x.

    Raises:
        ValueError: If the kernel is larger than the image.

    Example:
        >>> physics = Deconvolution()
        >>> y = torch.rand(1, 1, 32, 40)
        >>> known = physics.prepare(y, kernel=torch.full((1, 1, 3, 3), 1 / 9))
        >>> physics(y, y, 0.01, None, known).shape
        torch.Size([1, 1, 32, 40])
    """

    takes_kernel, reads_observation = True, False

    @in_full_precision  # there are no Fourier transforms in half precision
    def prepare(self, y: Tensor, kernel: Tensor | None = None) -> dict[str, Tensor]:
        """Return what every stage needs of the observation: the tapered image, its spectrum, the kernel's."""
        if kernel is None:
            return {}
        if kernel.shape[-1] > min(y.shape[2:]):
            raise InputError(f'A blur kernel of {tuple(kernel.shape[2:])} is larger than the image of '
                             f'{tuple(y.shape[2:])}.')
        transfer = transfer_function(kernel, y.shape[2:])
        tapered = edge_taper(y, kernel, transfer)
        return dict(transfer=transfer, spectrum=torch.fft.rfft2(tapered), start=tapered)

    @in_full_precision
    def forward(self, y: Tensor, x: Tensor, rho: float, guidance: Tensor | None, known: dict[str, Tensor]) -> Tensor:
        if not known:
            return (y + rho * x) / (1 + rho)
        transfer = known['transfer']
        above = transfer.conj() * known['spectrum'] + rho * torch.fft.rfft2(x)
        return torch.fft.irfft2(above / (transfer.abs().square() + rho), s=x.shape[2:])

    def truth(self, y: Tensor, reference: Tensor, noise: Tensor | None = None) -> Tensor | None:
        """Return the guidance as it should be, in units of the [0, 1] image: the level of the noise, where known."""
        return noise


def transfer_function(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the spectrum of a kernel whose middle is at the origin: N x 1 x K x K to N x 1 x H x (W / 2 + 1)."""
    side = kernel.shape[-1]
    padded = F.pad(kernel, (0, size[1] - side, 0, size[0] - side))
    return torch.fft.rfft2(padded.roll((-(side // 2), -(side // 2)), (-2, -1)))


def edge_taper(y: Tensor, kernel: Tensor, transfer: Tensor) -> Tensor:
    """Return images that pass into their own blurred copy towards the borders, as if they went round.

    The share of the image is one minus the autocorrelation of the kernel's projections (Reeves, Fast image
    restoration without boundary artifacts, 2005; as MATLAB's ``edgetaper``).

    Shape:
        y: N x 1 x H x W; kernel: N x 1 x K x K; transfer: of :func:`transfer_function`; result as y.
    """
    blurred = torch.fft.irfft2(torch.fft.rfft2(y) * transfer, s=y.shape[2:])
    down, across = (_share(kernel.sum(axis)[:, 0], side) for axis, side in zip((-1, -2), y.shape[2:]))
    share = (down[:, :, None] * across[:, None])[:, None]
    return share * y + (1 - share) * blurred


def _share(projection: Tensor, side: int) -> Tensor:
    """Return what counts of the image along one side: N x K to N x side."""
    correlation = torch.fft.irfft(torch.fft.rfft(projection, side - 1).abs().square(), side - 1)
    correlation = torch.cat([correlation, correlation[:, :1]], 1)
    return 1 - correlation / correlation.amax(1, keepdim=True)
