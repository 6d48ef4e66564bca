"""The loss of RUAS's noise removal."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.registry import MODELS


@MODELS.register_module()
class DenoisingLoss(nn.Module):
    """Loss of a denoised image: fidelity and total variation, or the distance to a clean reference.

    Args:
        fidelity: Weight of the squared difference to the noisy image. Defaults to 1.0.
        variation: Weight of the total variation. Defaults to 0.1.
        squared: Whether the total variation is of squared differences rather than absolute ones. The authors' first
            version (CVPR 2021) is ``DenoisingLoss(fidelity=1e-7, variation=2, squared=True)``, which leaves the total
            variation alone to decide. Defaults to False.
        supervised: Whether the mean squared error to a clean reference takes the place of both. Defaults to False.
        brightened: Weight of that error of the brightened image too, for a scene module that trains with it: else noise
            removal learns to darken what comes out too bright. Defaults to 0.

    Shape:
        image, noisy, reference: N x 3 x H x W in [0, 1]; ``brightened``, where it is not ``noisy``: the brightened
        image and its reference; result: dict of scalars, means over pixels and channels.

    Raises:
        ValueError: If the loss is supervised and there is no reference, or ``brightened`` is given and it is not.

    Example:
        >>> sorted(DenoisingLoss()(*torch.rand(2, 2, 3, 61, 83)))
        ['loss_fidelity', 'loss_tv']
    """

    def __init__(self, fidelity: float = 1.0, variation: float = 0.1, squared: bool = False,
                 supervised: bool = False, brightened: float = 0.0) -> None:
        super().__init__()
        if brightened and not supervised:
            raise InputError(f'DenoisingLoss got brightened={brightened}, which compares with references; set '
                             'supervised=True too.')
        self.fidelity = fidelity
        self.variation = variation
        self.squared = squared
        self.supervised = supervised
        self.brightened = brightened

    @in_full_precision  # differences of neighbours
    def forward(self, image: Tensor, noisy: Tensor, reference: Tensor | None = None,
                brightened: tuple[Tensor, Tensor] | None = None) -> dict[str, Tensor]:
        if self.supervised:
            if reference is None:
                raise InputError('DenoisingLoss(supervised=True) got no reference: give the data set a folder of them, '
                                 "data_prefix=dict(img='low', reference='high').")
            losses = dict(loss_reference=F.mse_loss(image, reference))
            if self.brightened:
                losses['loss_brightened'] = self.brightened * F.mse_loss(*(brightened or (noisy, reference)))
            return losses
        across, down = (image[..., :, 1:] - image[..., :, :-1]), (image[..., 1:, :] - image[..., :-1, :])
        size = torch.square if self.squared else torch.abs
        return dict(loss_fidelity=self.fidelity * F.mse_loss(image, noisy),
                    loss_tv=self.variation * (size(across).mean() + size(down).mean()))
