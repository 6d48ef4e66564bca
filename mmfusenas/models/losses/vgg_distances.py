"""How far two images are apart in the features of VGG."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from mmcv.cnn import VGG
from torch import Tensor, nn

from mmfusenas.models.utils.torchvision_features import load_features, normalized

_CONVOLUTIONS = {16: (2, 2, 3, 3), 19: (2, 2, 4, 4)}  # of each group; the network halves the size between groups


def vgg_layers(depth: int, before_relu: bool = False) -> tuple[tuple[str, ...], ...]:
    """Return the names of the layers that are compared, in four groups, between which the network halves the size.

    Args:
        depth: 16 or 19, of the VGG.
        before_relu: Whether the convolutions count too, as they are before their ReLU.

    Example:
        >>> vgg_layers(16)[2], vgg_layers(19, before_relu=True)[0]
        (('relu3_1', 'relu3_2', 'relu3_3'), ('conv1_1', 'relu1_1', 'conv1_2', 'relu1_2'))
    """
    kinds = ('conv', 'relu') if before_relu else ('relu',)
    return tuple(tuple(f'{kind}{group}_{i}' for i in range(1, number + 1) for kind in kinds)
                 for group, number in enumerate(_CONVOLUTIONS[depth], 1))


class VGGDistances:
    """Differences of the features of two images, layer by layer (Johnson et al., ECCV 2016, eq. 2).

    No module, so that its weights stay out of the checkpoints of what is trained with it.

    Args:
        checkpoint: File of torchvision's weights, trained for RGB in [0, 1] less mean over deviation.
        depth: 16 or 19, of the VGG. Defaults to 16.
        before_relu: As of :func:`vgg_layers`. Defaults to False.
        distance: Of two maps. Defaults to the mean squared difference.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights.

    Example:
        >>> torch.save(VGG(16).state_dict(), 'vgg16.pth')  # in place of vgg16-397923af.pth
        >>> [len(group) for group in VGGDistances('vgg16.pth')(*torch.rand(2, 1, 3, 64, 64))]
        [2, 2, 3, 3]
    """

    def __init__(self, checkpoint: str, depth: int = 16, before_relu: bool = False,
                 distance: Callable[[Tensor, Tensor], Tensor] = F.mse_loss) -> None:
        self.network = load_features(partial(VGG, depth), checkpoint, name=f'VGG{depth}').features
        self.before_relu, self.distance, self.groups = before_relu, distance, len(_CONVOLUTIONS[depth])

    def __call__(self, image: Tensor, reference: Tensor) -> list[list[Tensor]]:
        """Return the distances of images N x 3 x H x W, RGB in [0, 1], as scalars: a list a group of layers."""
        self.network.to(image)
        x, y, groups = normalized(image), normalized(reference), [[]]
        for layer in self.network:
            if isinstance(layer, nn.MaxPool2d):
                if len(groups) == self.groups:
                    break
                groups.append([])
            is_relu = isinstance(layer, nn.ReLU)
            # mmcv's ReLU overwrites the convolution's map, which may have been compared.
            x, y = (F.relu(x), F.relu(y)) if is_relu else (layer(x), layer(y))
            if is_relu or (self.before_relu and isinstance(layer, nn.Conv2d)):
                groups[-1].append(self.distance(x, y))
        return groups
