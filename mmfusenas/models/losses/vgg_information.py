"""How much information a source picture carries, by the features of VGG."""
from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from mmcv.cnn import VGG
from torch import Tensor

from mmfusenas.models.losses.information import squared_laplacian
from mmfusenas.models.utils.torchvision_features import load_features, normalized

SMALLEST = 96  # the fifth map, 1 / 32 of the sides, is 3 x 3 then


class VGGInformation:
    """The mean squared Laplacian of the five pooled feature maps of VGG16 (U2Fusion, eqs. 1-2; TIM section 4.2).

    No module, so that its weights stay out of the checkpoints of what is trained with it.

    Args:
        checkpoint: File of torchvision's weights, trained for RGB in [0, 1] less mean over deviation.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights.

    Example:
        >>> information = VGGInformation('vgg16-397923af.pth')  # doctest: +SKIP
        >>> information(torch.rand(2, 1, 128, 160)).shape  # doctest: +SKIP
        torch.Size([2])
    """

    def __init__(self, checkpoint: str) -> None:
        self.network = load_features(partial(VGG, 16, out_indices=range(5)), checkpoint)

    def __call__(self, picture: Tensor) -> Tensor:
        """Return the information of pictures N x 1 x H x W in [0, 1], N values; small ones are enlarged first."""
        if min(picture.shape[2:]) < SMALLEST:
            factor = SMALLEST / min(picture.shape[2:])
            picture = F.interpolate(picture, [round(factor * side) for side in picture.shape[2:]], mode='bilinear')
        self.network.to(picture)
        return torch.stack([squared_laplacian(maps) for maps in self.network(normalized(picture))]).mean(0)
