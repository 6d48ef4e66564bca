"""How wide the outputs of a backbone are."""
from __future__ import annotations

import torch
from mmengine.config import ConfigDict

from mmfusenas.registry import MODELS


@torch.no_grad()
def backbone_channels(config: dict, scope: str) -> list[int]:
    """Return the channels of a backbone's outputs, read off a blank image.

    Args:
        config: Config of the backbone.
        scope: Scope that its type is looked up in (``'mmdet'``, ``'mmseg'``).
    """
    backbone = MODELS.build(ConfigDict(_scope_=scope, **config))
    backbone.eval()  # not chained: mmdet's ResNet returns None
    return [feature.shape[1] for feature in backbone(torch.zeros(1, 3, 64, 64))]
