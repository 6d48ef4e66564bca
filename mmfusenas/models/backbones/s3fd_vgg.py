"""VGG16 as S3FD uses it: features from a stride of 4 on."""
from __future__ import annotations

from mmcv.cnn import VGG
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.registry import MODELS


@MODELS.register_module()
class S3FDVGG(VGG, BaseModule):
    """VGG16 with conv6 and conv7, the backbone of RUAS's detector (section 7.1, after S3FD).

    VGG16 up to conv5_3; a pool; conv6 (3 x 3, dilation 3) and conv7 (1 x 1) of 1024 channels, a ReLU after each. Pools
    round up, so a level's size is that of the image divided by its stride and rounded up, whatever the image's
    size: what anchors count on. Layers have torchvision's names, ``features.*``, so its VGG16 weights fit as they are.

    Args:
        frozen_stages: Number of VGG's five stages, from the first, whose weights stay as they are. Defaults to 0.
        init_cfg: Initialisation, such as ``dict(type='Pretrained', checkpoint='torchvision://vgg16')``. What it does
            not name (conv6 and conv7 in torchvision's weights) is Kaiming's. Defaults to Kaiming for all.

    Shape:
        N x 3 x H x W to four levels, conv3_3, conv4_3, conv5_3 and conv7, after their ReLU: N x 256 x H/4 x W/4,
        N x 512 x H/8 x W/8, N x 512 x H/16 x W/16 and N x 1024 x H/32 x W/32, rounded up.

    Raises:
        ValueError: If there is no such number of stages.

    Example:
        >>> net = S3FDVGG()
        >>> [tuple(x.shape) for x in net(torch.rand(1, 3, 61, 83))]
        [(1, 256, 16, 21), (1, 512, 8, 11), (1, 512, 4, 6), (1, 1024, 2, 3)]
    """

    def __init__(self, frozen_stages: int = 0, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(depth=16, frozen_stages=frozen_stages, ceil_mode=True)
        if not 0 <= frozen_stages <= len(self.stage_blocks):
            raise InputError(f'S3FDVGG got frozen_stages={frozen_stages}; 0 to {len(self.stage_blocks)} are possible.')
        # mmcv's VGG hands no init_cfg on.
        self.init_cfg = [dict(type='Kaiming', layer='Conv2d'),
                         *([init_cfg] if isinstance(init_cfg, dict) else init_cfg or [])]
        # A stage ends in a ReLU and a pool; the level is what the ReLU gives.
        self.out_layers = [end - 2 for _, end in self.range_sub_modules[2:]]
        self.features.extend([
            nn.Conv2d(512, 1024, 3, padding=3, dilation=3), nn.ReLU(inplace=True),
            nn.Conv2d(1024, 1024, 1), nn.ReLU(inplace=True)])
        self.out_layers.append(len(self.features) - 1)
        self.train()  # freezes now what mmcv's VGG freezes in train(): later, DistributedDataParallel would miss it

    def init_weights(self) -> None:
        """Initialise as ``init_cfg`` says, which mmcv's VGG does not look at."""
        BaseModule.init_weights(self)

    def train(self, mode: bool = True) -> S3FDVGG:
        """Set the training mode; mmcv's VGG freezes its stages here."""
        super().train(mode)
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        levels = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in self.out_layers:
                levels.append(x)
        return tuple(levels)
