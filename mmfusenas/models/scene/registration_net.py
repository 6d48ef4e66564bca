"""N_R: the multi-level refinement registration network (MRRN) in front of the fusion."""
from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.models.utils.warp import warp
from mmfusenas.registry import MODELS


@MODELS.register_module()
class RegistrationNet(BaseModule):
    """MRRN (Wang et al., Unsupervised misaligned infrared and visible image fusion, 2022), N_R of TIM section 5.1.2.

    One encoder reads both images at 1/2 and 1/4 of their size (16 and 32 channels). At 1/4 the summed difference of
    the features and those of the target give a field of displacements, which dilated convolutions refine. Brought to
    1/2, it moves the source's features there, and a second estimate of the same kind corrects it. 170 904 parameters.

    As published the features are compared at one place only, and a field has to be guessed from how they differ there.
    With a ``radius`` the target's features are compared with the source's at every displacement up to it, at both
    sizes, so that the field can be read off where they agree. With ``normalize`` both images are brought to the
    same local contrast first, as what the sensors have in common are places, not brightness.

    Args:
        radius: Displacements compared, in places of the features, along both axes; 0 is the published network, 3 sees
            12 pixels and has 212 376 parameters. Defaults to 0.
        normalize: Whether the mean of the 9 x 9 pixels around is subtracted from each pixel and the rest divided by
            their standard deviation (plus 0.02, so that noise stays small). Defaults to False, as published.
        init_cfg: Initialisation, as everywhere in MMEngine. By default the estimates begin near zero.

    Shape:
        target and source N x 1 x H x W in [0, 1], to the field N x 2 x H x W (x, y, in pixels):
        :func:`~mmfusenas.models.utils.warp.warp` of the source by it lies on the target. Any H and W of at least 4.

    Example:
        >>> net = RegistrationNet()
        >>> sum(p.numel() for p in net.parameters())
        170904
        >>> net(torch.rand(2, 1, 61, 83), torch.rand(2, 1, 61, 83)).shape
        torch.Size([2, 2, 61, 83])
    """

    def __init__(self, radius: int = 0, normalize: bool = False, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.radius = radius
        self.normalize = normalize
        costs = (2 * radius + 1) ** 2
        self.encoders = nn.ModuleList([_encoder(1, 16), _encoder(16, 32)])
        self.estimates = nn.ModuleList([_estimate(costs + 32), _estimate(costs + 34)])
        self.fields = nn.ModuleList(nn.Conv2d(16, 2, 3, padding=1) for _ in range(2))
        self.refinements = nn.ModuleList(_refinement() for _ in range(2))
        for conv in self.modules():
            if isinstance(conv, nn.Conv2d):
                nn.init.kaiming_normal_(conv.weight, 0.2)
                nn.init.zeros_(conv.bias)
        for last in (*self.fields, *(refinement[-1] for refinement in self.refinements)):
            nn.init.normal_(last.weight, std=1e-3)

    def forward(self, target: Tensor, source: Tensor) -> Tensor:
        height, width = target.shape[2:]
        padding = (0, -width % 4, 0, -height % 4)
        target, source = (F.pad(image, padding, mode='replicate') for image in (target, source))
        if self.normalize:
            target, source = (_local_contrast(image) for image in (target, source))
        target_half, source_half = (self.encoders[0](image) for image in (target, source))
        target_quarter, source_quarter = (self.encoders[1](features) for features in (target_half, source_half))

        features = self.estimates[0](torch.cat([self._cost(target_quarter, source_quarter), target_quarter], 1))
        flow = self.fields[0](features)
        flow = flow + self.refinements[0](flow)

        flow, features = 2 * _twice(flow), _twice(features)
        cost = self._cost(target_half, warp(source_half, flow))
        flow = flow + self.fields[1](self.estimates[1](torch.cat([cost, target_half, flow, features], 1)))
        flow = flow + self.refinements[1](flow)
        return 2 * _twice(flow)[..., :height, :width]

    def _cost(self, target: Tensor, source: Tensor) -> Tensor:
        """Return the summed difference of the features, a channel for each displacement of the source."""
        height, width = target.shape[2:]
        padded = F.pad(source, (self.radius,) * 4, mode='replicate')
        steps = range(2 * self.radius + 1)
        return torch.stack([(target - padded[..., y:y + height, x:x + width]).abs().sum(1)
                            for y in steps for x in steps], 1)


def _encoder(channels_in: int, channels: int) -> nn.Sequential:
    """Half the size: conv 4 x 4 of stride 2, two conv 3 x 3, each with LeakyReLU."""
    convs = (nn.Conv2d(channels_in, channels, 4, 2, 1), *(nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(2)))
    return nn.Sequential(*(layer for conv in convs for layer in (conv, nn.LeakyReLU(0.2))))


def _estimate(channels: int) -> nn.Sequential:
    widths = (channels, 48, 32, 16)
    return nn.Sequential(*(layer for a, b in zip(widths, widths[1:])
                           for layer in (nn.Conv2d(a, b, 3, padding=1), nn.LeakyReLU(0.2))))


def _refinement() -> nn.Sequential:
    """What is added to a field: three dilated convolutions look at its surroundings."""
    layers = [layer for a, b, d in ((2, 48, 1), (48, 48, 2), (48, 32, 4))
              for layer in (nn.Conv2d(a, b, 3, padding=d, dilation=d), nn.LeakyReLU(0.1))]
    return nn.Sequential(*layers, nn.Conv2d(32, 2, 3, padding=1))


def _local_contrast(image: Tensor) -> Tensor:
    mean = partial(F.avg_pool2d, kernel_size=9, stride=1, padding=4, count_include_pad=False)
    rest = image - mean(image)
    return rest / (mean(rest.square()).sqrt() + 0.02)


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
