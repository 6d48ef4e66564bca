"""The network of DCNAS."""
from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.guided_fusion import searched_fusion
from mmfusenas.models.cells.mobile_block import ElasticMobileBlock
from mmfusenas.models.utils.cpu_layers import OneSlopePReLU
from mmfusenas.nas import Choice, GenotypeSource, Searchable
from mmfusenas.nas.space import Condition
from mmfusenas.registry import MODELS

LEVELS = 4


class ResidualGroup(nn.Module):
    """Residual mobile attention group (RMAG, DCNAS table I): up to four mobile blocks, with a residual around them.

    Args:
        channels: Channels of what comes in after ``entry``, and out.
        blocks: Largest number of blocks.
        entry: What comes before the group, such as a downsampling. Defaults to nothing.
    """

    def __init__(self, channels: int, blocks: int, entry: nn.Module | None = None) -> None:
        super().__init__()
        self.entry = entry or nn.Identity()
        self.blocks = nn.Sequential(*(ElasticMobileBlock(channels) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.entry(x)
        return x + self.blocks(x)


@MODELS.register_module()
class GuidedSRNet(Searchable, BaseModule):
    """Guided super-resolution network (DCNAS fig. 4): two encoders, and a decoder that fuses them level by level.

    The encoders have four groups each, C, 2C, 4C and 8C wide, at 1, 1/2, 1/4 and 1/8 of the size. The decoder begins
    with the target's deepest feature and ends in a correction of the upsampled target. Searched are the form of every
    block and the fusion of every level; guidance groups that no fusion uses are not there.

    Args:
        genotype: None builds the supernet; a published name (``'dcnas-4x'``, ``'dcnas-16x'``, ``'dcnas-tiny-16x'``), a
            file, a dict or a Genotype builds the derived network.
        channels: C, 16 for DCNAS, 8 for DCNAS-Tiny. Defaults to 16.
        target_channels: Channels of the target: 1 of depth and thermal images, or the number of bands. Defaults
            to 1.
        guidance_channels: Channels of the guidance: 3 of a colour image, 1 of a panchromatic one. Defaults to 3.
        blocks: Largest number of blocks of a group. Defaults to 4.
        guide_mean: What is subtracted from the guidance, which comes in [0, 1]. Defaults to 0.
        guide_std: What it is divided by then. In [0, 1] a photograph's features begin half as strong as the target's;
            0.45 and 0.225 are mean and deviation of photographs. Defaults to 1.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        target N x T x H x W, upsampled to full size, and guidance N x G x H x W, any size, to N x T x H x W.

    Raises:
        ValueError: If the genotype is of another space, or ``guide_std`` is not positive.

    Example:
        >>> net = GuidedSRNet(genotype='dcnas-tiny-16x', channels=8)
        >>> net(torch.rand(1, 1, 61, 83), torch.rand(1, 3, 61, 83)).shape
        torch.Size([1, 1, 61, 83])
    """

    def __init__(self, genotype: GenotypeSource | None = None, channels: int = 16, target_channels: int = 1,
                 guidance_channels: int = 3, blocks: int = 4, guide_mean: float = 0.0, guide_std: float = 1.0,
                 init_cfg: dict | None = None) -> None:
        if guide_std <= 0:
            raise InputError(f'GuidedSRNet got guide_std={guide_std}; it divides the guidance, and is greater than 0.')
        super().__init__(init_cfg)
        self.guide_mean, self.guide_std = guide_mean, guide_std
        self.target_channels, self.guidance_channels = target_channels, guidance_channels
        widths = [channels * 2 ** level for level in range(LEVELS)]
        self.guidance = _encoder(guidance_channels, widths, blocks)
        self.target = _encoder(target_channels, widths, blocks)
        self.middle = nn.Sequential(nn.Conv2d(widths[-1], widths[-1], 1, bias=False), OneSlopePReLU())
        self.fusions = nn.ModuleList(searched_fusion(width) for width in widths)
        self.decoder = nn.ModuleList(ResidualGroup(width, blocks) for width in widths)
        self.ups = nn.ModuleList(nn.Sequential(nn.Conv2d(width, 2 * width, 1, bias=False), nn.PixelShuffle(2))
                                 for width in widths[1:])
        self.tail = nn.Sequential(OneSlopePReLU(), nn.Conv2d(channels, target_channels, 3, padding=1, bias=False))
        nn.init.zeros_(self.tail[1].weight)  # training starts from the upsampled target
        self.specialize(genotype)

    def optional_parts(self) -> dict[str, Condition]:
        """Return the guidance groups, each used by the fusions of its level and of the deeper ones."""
        used_by = [(level, (f'fusions.{level}', name)) for level, fusion in enumerate(self.fusions)
                   if isinstance(fusion, Choice) for name in fusion.candidates if fusion.get_submodule(name).guided]
        return {f'guidance.{level}': tuple(use for deeper, use in used_by if deeper >= level)
                for level in range(LEVELS) if used_by}

    def forward(self, target: Tensor, guidance: Tensor) -> Tensor:
        height, width = target.shape[2:]
        step = 2 ** (LEVELS - 1)
        padding = (0, -width % step, 0, -height % step)
        x, y = (F.pad(image, padding, mode='replicate')
                for image in (target, (guidance - self.guide_mean) / self.guide_std))
        targets, guidances = [], [None] * LEVELS
        for stage in self.target:
            x = stage(x)
            targets.append(x)
        for level in range(self._guided_levels()):
            y = self.guidance[level](y)
            guidances[level] = y
        x = self.middle(x)
        for level in reversed(range(LEVELS)):
            x = self.decoder[level](x + self.fusions[level](targets[level], guidances[level]))
            if level:
                x = self.ups[level - 1](x)
        return target + self.tail(x)[..., :height, :width]

    def _guided_levels(self) -> int:
        """Return how many guidance groups run: up to the deepest fusion that uses the guidance."""
        def guided(fusion: nn.Module) -> bool:
            if isinstance(fusion, Choice):
                return fusion.selected is None or fusion.get_submodule(fusion.selected).guided
            return fusion.guided

        return max((level + 1 for level, fusion in enumerate(self.fusions) if guided(fusion)), default=0)


def _encoder(in_channels: int, widths: list[int], blocks: int) -> nn.ModuleList:
    """Build four groups; before the first a convolution, before the others a downsampling by two."""
    head = nn.Sequential(nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False), OneSlopePReLU())
    downs = [nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * width, 2 * width, 1, bias=False))
             for width in widths[:-1]]
    return nn.ModuleList(ResidualGroup(width, blocks, entry) for width, entry in zip(widths, [head, *downs]))
