"""Perceptual distance of two images."""
from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from mmcv.cnn import AlexNet
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.models.utils.torchvision_features import load_features, normalized
from mmfusenas.utils.checkpoint import load_checkpoint

MAPS = (1, 4, 7, 9, 11)
"""Layers of AlexNet whose outputs are compared: after every ReLU."""

SMALLEST = 35  # the last map is 1 x 1 then


class LPIPS:
    """Learned perceptual image patch similarity, version 0.1 with AlexNet (Zhang et al., CVPR 2018, eq. 1).

    The features of each layer are scaled to unit length at every place; their squared differences, weighted by channel
    with weights that were fitted to people's judgement, are averaged over the places and summed over the layers. 0 for
    equal images. The weights by channel are those that torchmetrics brings along, the features come from a file of
    the user's. No module, so that its weights stay out of the checkpoints of what is trained with it.

    Args:
        checkpoint: File of torchvision's AlexNet, ``alexnet-owt-7be5be79.pth``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights, or the images are smaller than 35 x 35.

    Example:
        >>> torch.save(AlexNet().state_dict(), 'alexnet.pth')  # in place of alexnet-owt-7be5be79.pth
        >>> image = torch.rand(2, 3, 64, 80)
        >>> LPIPS('alexnet.pth')(image, image).tolist()
        [0.0, 0.0]
    """

    def __init__(self, checkpoint: str) -> None:
        self.network = load_features(AlexNet, checkpoint).features
        library = Path(find_spec('torchmetrics').origin).parent  # to import it would take most of a second
        file = library / 'functional/image/lpips_models/alex.pth'
        self.weights = list(load_checkpoint(file).values())  # 1 x C x 1 x 1 each

    def __call__(self, image: Tensor, reference: Tensor) -> Tensor:
        """Return the distances of images N x 3 x H x W, RGB in [0, 1]: N values."""
        if min(image.shape[2:]) < SMALLEST:
            raise InputError(f'LPIPS compares images of at least {SMALLEST} x {SMALLEST}; got '
                             f'{image.shape[2]} x {image.shape[3]}.')
        self.network.to(image)
        pairs = zip(self._features(image), self._features(reference), self.weights)
        return torch.stack([(weight.to(first) * (first - second).square()).sum(1).mean((1, 2))
                            for first, second, weight in pairs]).sum(0)

    def _features(self, image: Tensor) -> list[Tensor]:
        """Return the maps that are compared, of unit length at every place."""
        x, maps = normalized(image), []
        for i, layer in enumerate(self.network[:MAPS[-1] + 1]):
            x = layer(x)
            if i in MAPS:
                maps.append(x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt())
        return maps
