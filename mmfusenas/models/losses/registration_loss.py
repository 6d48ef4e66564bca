"""Loss of the registration."""
from __future__ import annotations

from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.models.utils.warp import warp
from mmfusenas.registry import MODELS


@MODELS.register_module()
class RegistrationLoss(nn.Module):
    """Distance of the gradients, both ways, and smoothness of the field (UMF-CMGR's loss on the pixels' gradients).

    The source moved by the field is compared with the target, and the target moved back by the reversed field with
    the source; the distance is the mean absolute difference of the gradients along both sides. The field is smooth
    where its own gradients, of places in units of half an image, are small. Where a known field put the images out
    of register, it can be learned from directly: ``field_weight``, which the published loss lacks.

    Args:
        reverse_weight: Factor of the way back. Defaults to 0.2.
        smoothness_weight: Factor of the smoothness. Defaults to 10.0.
        field_weight: Factor of the mean absolute difference, in pixels, from the true field. Defaults to 0.

    Shape:
        flow N x 2 x H x W in pixels, source and target N x 1 x H x W in [0, 1], truth as flow; result: dict of scalars.

    Raises:
        ValueError: A ``field_weight`` and no true field.

    Example:
        >>> sorted(RegistrationLoss()(torch.zeros(1, 2, 8, 9), torch.rand(1, 1, 8, 9), torch.rand(1, 1, 8, 9)))
        ['loss_registration', 'loss_reverse', 'loss_smoothness']
    """

    def __init__(self, reverse_weight: float = 0.2, smoothness_weight: float = 10.0,
                 field_weight: float = 0.0) -> None:
        super().__init__()
        self.reverse_weight = reverse_weight
        self.smoothness_weight = smoothness_weight
        self.field_weight = field_weight

    @in_full_precision  # differences of neighbours
    def forward(self, flow: Tensor, source: Tensor, target: Tensor, truth: Tensor | None = None) -> dict[str, Tensor]:
        height, width = flow.shape[2:]
        places = flow / flow.new_tensor([width / 2, height / 2]).view(1, 2, 1, 1)
        losses = dict(
            loss_registration=_distance(warp(source, flow), target),
            loss_reverse=self.reverse_weight * _distance(warp(target, -flow), source),
            loss_smoothness=self.smoothness_weight * sum(places.diff(dim=dim).abs().mean() for dim in (2, 3)),
        )
        if self.field_weight:
            if truth is None:
                raise InputError(
                    f'field_weight={self.field_weight:g} of RegistrationLoss compares with the true field, and the '
                    'pairs come without one. Put RandomDeformation into the pipeline, or leave field_weight out.')
            losses['loss_field'] = self.field_weight * (flow - truth).abs().mean()
        return losses


def _distance(x: Tensor, y: Tensor) -> Tensor:
    return sum((x.diff(dim=dim) - y.diff(dim=dim)).abs().mean() for dim in (2, 3))
