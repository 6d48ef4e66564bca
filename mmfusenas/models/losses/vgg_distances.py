"""How far two images are apart in the features of VGG."""
from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from mmcv.cnn import VGG
from torch import Tensor, nn

from mmfusenas.models.utils.torchvision_features import load_features, normalized

LAYERS = (('relu1_1', 'relu1_2'), ('relu2_1', 'relu2_2'), ('relu3_1', 'relu3_2', 'relu3_3'),
          ('relu4_1', 'relu4_2', 'relu4_3'))
"""Layers of VGG16 that are compared, in four groups, between which the network halves the size."""


class VGGDistances:
    """Mean squared differences of the features of two images, layer by layer (Johnson et al., ECCV 2016, eq. 2).

    No module, so that its weights stay out of the checkpoints of what is trained with it.

    Args:
        checkpoint: File of torchvision's VGG16, trained for RGB in [0, 1] less mean over deviation.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights.

    Example:
        >>> torch.save(VGG(16).state_dict(), 'vgg16.pth')  # in place of vgg16-397923af.pth
        >>> [len(group) for group in VGGDistances('vgg16.pth')(*torch.rand(2, 1, 3, 64, 64))]
        [2, 2, 3, 3]
    """

    def __init__(self, checkpoint: str) -> None:
        self.network = load_features(partial(VGG, 16), checkpoint).features

    def __call__(self, image: Tensor, reference: Tensor) -> list[list[Tensor]]:
        """Return the distances of images N x 3 x H x W, RGB in [0, 1], as scalars: a list a group of ``LAYERS``."""
        self.network.to(image)
        x, y, groups = normalized(image), normalized(reference), [[]]
        for layer in self.network:
            if isinstance(layer, nn.MaxPool2d):
                if len(groups) == len(LAYERS):
                    break
                groups.append([])
            x, y = layer(x), layer(y)
            if isinstance(layer, nn.ReLU):
                groups[-1].append(F.mse_loss(x, y))
        return groups
