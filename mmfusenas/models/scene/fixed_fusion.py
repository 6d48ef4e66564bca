"""Fusion by a fixed rule: the rows that a learned fusion is compared with."""
from __future__ import annotations

import torch
from torch import Tensor

from mmfusenas.models.scene.base_fusion import BaseFusion
from mmfusenas.registry import MODELS

_RULES = dict(
    visible=lambda visible, infrared: visible,
    infrared=lambda visible, infrared: infrared,
    average=lambda visible, infrared: (visible + infrared) / 2,
    maximum=torch.maximum,
)


@MODELS.register_module()
class FixedFusion(BaseFusion):
    """Visible alone, infrared alone, the mean (TIM table 4's "simple average principle") or the maximum.

    Args:
        rule: ``'visible'``, ``'infrared'``, ``'average'`` or ``'maximum'``. ``'infrared'`` gives a grey picture: a
            single sensor is looked at without the other's colour.
        data_preprocessor, init_cfg: As in :class:`BaseFusion`.

    Raises:
        ValueError: On an unknown rule.

    Example:
        >>> FixedFusion(rule='average').fuse(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)).mean().item()
        0.5
    """

    def __init__(self, rule: str, data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if rule not in _RULES:
            raise ValueError(f'FixedFusion got rule={rule!r}; it knows {list(_RULES)}.')
        self.rule = rule

    def fuse(self, visible: Tensor, infrared: Tensor) -> Tensor:
        return _RULES[self.rule](visible, infrared)

    def pictures(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.rule == 'infrared':
            return dict(picture=inputs['infrared'].expand(-1, 3, -1, -1))
        return super().pictures(inputs)
