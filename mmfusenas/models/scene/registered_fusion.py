"""Fusion of pairs that are not in register."""
from __future__ import annotations

from torch import Tensor

from mmfusenas.models.scene.base_scene import BaseScene, luma, without_padding
from mmfusenas.models.utils.warp import warp
from mmfusenas.registry import MODELS


@MODELS.register_module()
class RegisteredFusion(BaseScene):
    """Registration, then fusion (TIM section 5.1.2): I_B = N_R(I_A, I_B'), I_F = N_F(I_A, I_B), trained jointly.

    The infrared image is moved onto the visible one by the field that N_R estimates. In training the moved image
    is held to the infrared image before its deformation (``aligned``, from :class:`RandomDeformation` or
    ``aligned`` of a data set), and where there is none to the visible one; the field to the true one (``flow``,
    from :class:`RandomDeformation`) where the loss asks for it.

    Args:
        registration: Config of N_R, a :class:`RegistrationNet`.
        fusion: Config of N_F, any scene module with a loss of its own.
        loss: Config of the registration's loss, a :class:`RegistrationLoss`.
        data_preprocessor, init_cfg: As in :class:`BaseScene`.

    Example:
        >>> model = MODELS.build(dict(
        ...     type='RegisteredFusion', registration=dict(type='RegistrationNet'), loss=dict(type='RegistrationLoss'),
        ...     fusion=dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'))))
        >>> images = model.images(dict(visible=torch.rand(1, 3, 61, 83), infrared=torch.rand(1, 1, 61, 83)))
        >>> images['registered'].shape, images['flow'].shape
        (torch.Size([1, 1, 61, 83]), torch.Size([1, 2, 61, 83]))
    """

    def __init__(self, registration: dict, fusion: dict, loss: dict | None = None,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(loss, data_preprocessor, init_cfg)
        self.registration = MODELS.build(registration)
        self.fusion = MODELS.build(fusion)

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        visible, infrared = inputs['visible'], inputs['infrared']
        visible_luma = luma(visible)
        flow = self.registration(visible_luma, infrared)
        registered = warp(infrared, flow)
        images = self.fusion.images_of_lumas(visible, visible_luma, registered)
        return dict(images, registered=registered, flow=flow)

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        # As a source the moved image stands for data: the field is not to make the sources easy to fuse. It does get
        # the gradient of the fused image, by which a task can guide the registration as well.
        sources = dict(visible=inputs['visible'], infrared=images['registered'].detach())
        losses = {f'fusion.{name}': value for name, value in self.fusion.losses(images, sources).items()}
        if self.loss is None:
            return losses
        target = inputs.get('aligned', images['visible_luma'])
        return {**self.loss(images['flow'], inputs['infrared'], target, inputs.get('flow')), **losses}

    def predict(self, images: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with ``pred_img`` and the field, ``pred_flow`` (float array H x W x 2, pixels)."""
        for sample, flow in zip(data_samples, images['flow'], strict=True):
            sample.pred_flow = without_padding(flow, sample)
        return super().predict(images, data_samples)
