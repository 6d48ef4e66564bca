"""Fusion for visual enhancement: N_F followed by N_T."""
from __future__ import annotations

from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.models.scene.base_scene import BaseScene, replace_luma
from mmfusenas.registry import MODELS


@MODELS.register_module()
class TIMEnhancement(BaseScene):
    """Image fusion for visual enhancement (TIM section 4.2): the fusion network N_F, then the parallel N_T.

    Both train together: the loss is that of the enhanced image and of the two branches of N_T, and ``eta`` times
    the fusion network's own. Visible and infrared stand for any pair: in medical fusion the visible image is the
    coloured one (PET, SPECT; CT is grey), whose chroma is kept, and the infrared one is the MRI.

    Args:
        fusion: Config of N_F, a :class:`TIMFusion`, with the loss l_F.
        enhancement: Config of N_T, an :class:`EnhancementNet`.
        order: Which image is N_T's first and which its second. As published: visible first; in medical fusion the
            MRI, so ('infrared', 'visible'). Defaults to ('visible', 'infrared').
        eta: Weight of the fusion network's loss. Defaults to 1.0.
        loss: Config of the loss l_T, an :class:`EnhancementLoss`.
        data_preprocessor, init_cfg: As in :class:`BaseScene`.

    Raises:
        ValueError: If ``order`` is not the two names.

    Example:
        >>> model = MODELS.build(dict(type='TIMEnhancement', fusion=dict(type='TIMFusion', genotype='tim-full'),
        ...                           enhancement=dict(type='EnhancementNet', genotype='tim-enhance')))
        >>> sum(p.numel() for p in model.parameters())
        1232225
    """

    def __init__(self, fusion: dict, enhancement: dict, order: tuple[str, str] = ('visible', 'infrared'),
                 eta: float = 1.0, loss: dict | None = None, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(loss, data_preprocessor, init_cfg)
        if sorted(order) != ['infrared', 'visible']:
            raise InputError(f"TIMEnhancement got order={order!r}; give 'visible' and 'infrared', N_T's first.")
        self.fusion = MODELS.build(fusion)
        self.enhancement = MODELS.build(enhancement)
        self.order = tuple(order)
        self.eta = eta

    def fuse(self, visible: Tensor, infrared: Tensor) -> Tensor:
        return self._lumas(visible, infrared)['enhanced']

    def images_of_lumas(self, visible: Tensor, visible_luma: Tensor, infrared: Tensor) -> dict[str, Tensor]:
        lumas = self._lumas(visible_luma, infrared)
        return dict(lumas, image=replace_luma(visible, lumas['enhanced'], visible_luma),
                    visible_luma=visible_luma, fused_luma=lumas['enhanced'])

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        own = self.fusion.losses(dict(images, fused_luma=images['fused']), inputs)
        losses = {f'fusion.{name}': self.eta * value for name, value in own.items()}
        if self.loss is None:
            return losses
        sources = dict(visible=images['visible_luma'], infrared=inputs['infrared'])
        lumas = (images[name] for name in ('enhanced', 'detail', 'target'))
        return {**self.loss(*lumas, *(sources[name] for name in self.order)), **losses}

    def _lumas(self, visible: Tensor, infrared: Tensor) -> dict[str, Tensor]:
        """Return the lumas of all four images, N x 1 x H x W each."""
        sources = dict(visible=visible, infrared=infrared)
        fused = self.fusion.fuse(visible, infrared)
        return dict(self.enhancement(*(sources[name] for name in self.order), fused), fused=fused)
