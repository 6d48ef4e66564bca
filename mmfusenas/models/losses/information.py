"""How much information a source image carries: the weights of the fusion loss."""
from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.models.utils.precision import in_full_precision


def gradient_information(image: Tensor, scales: int = 5) -> Tensor:
    """Return the information of each image, measured on its own pixels.

    U2Fusion (the measure that TIM section 4.2 follows) takes the mean squared Laplacian of five VGG feature maps of
    falling size (:class:`~mmfusenas.models.losses.vgg_information.VGGInformation`). Without VGG weights the maps are
    the image itself at five sizes, each half the one before.

    Args:
        image: Images in [0, 1].
        scales: Number of sizes; fewer where an image gets smaller than 3 pixels. Defaults to 5.

    Shape:
        N x C x H x W to N.
    """
    values = []
    while len(values) < scales and min(image.shape[2:]) >= 3:
        values.append(squared_laplacian(image * 255))
        image = F.avg_pool2d(image, 2)
    return torch.stack(values).mean(0)


@in_full_precision  # differences of nearly equal numbers
def squared_laplacian(maps: Tensor) -> Tensor:
    """Return the mean squared response of the 8-neighbour Laplacian (1/8 around, -1 in the centre), of each sample.

    Shape:
        N x C x H x W to N.
    """
    kernel = torch.full((3, 3), 1 / 8, dtype=maps.dtype, device=maps.device)
    kernel[1, 1] = -1.0
    response = F.conv2d(maps, kernel.repeat(maps.shape[1], 1, 1, 1), groups=maps.shape[1])
    return response.square().mean((1, 2, 3))


def information_weights(first: Tensor, second: Tensor, temperature: float,
                        information: Callable[[Tensor], Tensor] = gradient_information) -> Tensor:
    """Return the weights of two sources, a softmax over their information divided by ``temperature``.

    Shape:
        N x 1 x H x W twice, to N x 2 with rows that sum to 1. No gradient.
    """
    with torch.no_grad():
        values = torch.stack([information(first), information(second)], 1)
        return (values / temperature).softmax(1)
