"""Fusion by a fixed rule: the rows that a learned fusion is compared with."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.models.scene.base_scene import BaseScene
from mmfusenas.registry import MODELS

_LEVELS = 4


def laplacian(visible: Tensor, infrared: Tensor) -> Tensor:
    """Return the fusion of two Laplacian pyramids (Burt and Adelson, 1983): the stronger detail, the mean of the base.

    Four levels below the full size, or as many as there are pixels for.

    Shape:
        N x 1 x H x W twice, to the same.
    """
    images, details = torch.stack([visible, infrared]), []
    while len(details) < _LEVELS and min(images.shape[3:]) >= 4:
        smaller = _half(images)
        detail = images - _to_size(smaller, images.shape[3:])
        details.append(torch.where(detail[0].abs() >= detail[1].abs(), detail[0], detail[1]))
        images = smaller
    fused = images.mean(0)
    for detail in reversed(details):
        fused = _to_size(fused.unsqueeze(0), detail.shape[2:])[0] + detail
    return fused


def _half(images: Tensor) -> Tensor:
    taps = images.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    padded = F.pad(images.flatten(0, 1), (2, 2, 2, 2), mode='reflect')
    return F.conv2d(padded, (taps[:, None] * taps)[None, None], stride=2).unflatten(0, images.shape[:2])


def _to_size(images: Tensor, size: tuple[int, int]) -> Tensor:
    larger = F.interpolate(images.flatten(0, 1), size=tuple(size), mode='bilinear', align_corners=False)
    return larger.unflatten(0, images.shape[:2])


RULES = dict(
    visible=lambda visible, infrared: visible,
    infrared=lambda visible, infrared: infrared,
    average=lambda visible, infrared: (visible + infrared) / 2,
    maximum=torch.maximum,
    laplacian=laplacian,
)


@MODELS.register_module()
class FixedFusion(BaseScene):
    """Visible alone, infrared alone, the mean (TIM table 4's "simple average principle"), maximum or Laplacian pyramid.

    Args:
        rule: ``'visible'``, ``'infrared'``, ``'average'``, ``'maximum'`` or ``'laplacian'``. ``'infrared'`` gives a
            grey image: a single sensor is looked at without the other's colour.
        data_preprocessor, init_cfg: As in :class:`BaseScene`.

    Raises:
        ValueError: On an unknown rule.

    Example:
        >>> FixedFusion(rule='average').fuse(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)).mean().item()
        0.5
    """

    def __init__(self, rule: str, data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if rule not in RULES:
            raise InputError(f'FixedFusion got rule={rule!r}; it knows {list(RULES)}.')
        self.rule = rule
        if rule == 'visible':
            self.sensors = ('visible',)

    def fuse(self, visible: Tensor, infrared: Tensor) -> Tensor:
        return RULES[self.rule](visible, infrared)

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return dict(image=inputs['visible']) if self.rule == 'visible' else super().images(inputs)

    def images_of_lumas(self, visible: Tensor, visible_luma: Tensor, infrared: Tensor) -> dict[str, Tensor]:
        images = super().images_of_lumas(visible, visible_luma, infrared)
        return dict(images, image=infrared.expand(-1, 3, -1, -1)) if self.rule == 'infrared' else images
