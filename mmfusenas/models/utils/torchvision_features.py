"""Feature extractors of mmcv with the ImageNet weights of torchvision's files."""
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.utils.checkpoint import load_checkpoint

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the RGB images in [0, 1] that those weights were trained with."""


def normalized(image: Tensor) -> Tensor:
    """Return images N x 3 x H x W, RGB in [0, 1] (or N x 1 x H x W for three alike), as those weights take them."""
    mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (image - mean) / std


def load_features(kind: Callable[[], nn.Module], checkpoint: str, name: str | None = None) -> nn.Module:
    """Load the layers ``features.*`` of a file into a network of mmcv (``VGG``, ``AlexNet``), and freeze it.

    Args:
        kind: Builds the network, without classifier.
        checkpoint: File of torchvision's weights of the same network.
        name: What an error calls the network. Defaults to its class.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights.

    Example:
        >>> from mmcv.cnn import AlexNet
        >>> torch.save(AlexNet().state_dict(), 'alexnet.pth')  # in place of alexnet-owt-7be5be79.pth
        >>> network = load_features(AlexNet, 'alexnet.pth')
        >>> network.training, any(p.requires_grad for p in network.parameters())
        (False, False)
    """
    content = load_checkpoint(checkpoint)
    weights = {name: value for name, value in content.get('state_dict', content).items()
               if name.startswith('features.')}
    with torch.random.fork_rng(devices=[]):  # a resumed training builds it once more, and must not draw other numbers
        network = kind()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{checkpoint} holds no weights of {name or type(network).__name__} as torchvision names them "
                         f"('features.0.weight', ...): {str(error).splitlines()[1].strip()}") from error
    network.eval()  # returns nothing in mmcv's VGG
    return network.requires_grad_(False)
