"""How much information a source picture carries: the weights of the fusion loss."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def gradient_information(picture: Tensor, scales: int = 5) -> Tensor:
    """Return the information of each picture, measured on its own pixels.

    U2Fusion (the measure that TIM section 4.2 follows) takes the mean squared Laplacian of five VGG feature maps of
    falling size. Without VGG weights the maps are the picture itself at five sizes, each half the one before.

    Args:
        picture: Pictures in [0, 1].
        scales: Number of sizes; fewer where a picture gets smaller than 3 pixels. Defaults to 5.

    Shape:
        N x C x H x W to N.
    """
    kernel = torch.full((3, 3), 1 / 8, dtype=picture.dtype, device=picture.device)
    kernel[1, 1] = -1.0
    kernel = kernel.repeat(picture.shape[1], 1, 1, 1)
    values = []
    while len(values) < scales and min(picture.shape[2:]) >= 3:
        response = F.conv2d(picture * 255, kernel, groups=picture.shape[1])
        values.append(response.square().mean((1, 2, 3)))
        picture = F.avg_pool2d(picture, 2)
    return torch.stack(values).mean(0)


def information_weights(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the weights of two sources, a softmax over their information divided by ``temperature``.

    Shape:
        N x 1 x H x W twice, to N x 2 with rows that sum to 1. No gradient.
    """
    with torch.no_grad():
        information = torch.stack([gradient_information(first), gradient_information(second)], 1)
        return (information / temperature).softmax(1)
