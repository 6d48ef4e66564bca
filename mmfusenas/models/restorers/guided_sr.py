"""Guided super-resolution as a model of its own."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusenas.core.errors import InputError, MissingKeyError
from mmfusenas.models.scene.base_scene import BaseScene, without_padding
from mmfusenas.registry import MODELS

EXACT = 1e-6
"""RMSE of a bicubic input, in its range, below which it is exact."""


def _rmse(x: Tensor, y: Tensor) -> Tensor:
    """Return the root of the mean squared error of each image, N numbers, with a finite gradient at zero."""
    return ((x - y).square().mean((1, 2, 3)) + 1e-16).sqrt()


ERRORS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = dict(
    l1=F.l1_loss, rmse=lambda x, y: _rmse(x, y).mean())
"""What a model is trained with, of a result and its reference, N x T x H x W."""


@MODELS.register_module()
class GuidedSR(BaseScene):
    """Guided super-resolution (DCNAS eq. 2): a low-resolution target, upsampled with a high-resolution guide.

    Trains with an error to the reference and logs the root mean squared one, both in [0, 1] of ``target_range`` or in
    a unit of measurement; predicts ``restored`` in the unit of the target. Beside ``rmse`` stands ``ratio``, the same
    over that of the bicubic input, mean over the images: an image with large errors counts there as any other.

    Args:
        net: Config of the network, a :class:`GuidedSRNet`, or of a rule, a :class:`GuidedFilterSR`; None gives back the
            bicubic input, to compare with.
        bands: Which three bands make the image to look at, in the order red, green, blue; None for a target of one.
            Defaults to None.
        unit: What the target's unit is multiplied with in the losses: 0.001 makes metres of millimetres. None: the
            range of each image is one unit. Defaults to None.
        error: What is trained with: ``'l1'``, the mean absolute error, or ``'rmse'``, the root of the mean squared
            error of each image. Defaults to 'l1'.
        scales: How many times larger than its targets the guides of its training are. The inferencer refuses others.
            None: any. Defaults to None.
        data_preprocessor: Defaults to ``dict(type='GuidedDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        ``guide`` N x G x H x W and ``target`` (upsampled) N x T x H x W, to ``restored`` N x T x H x W, not clamped.

    Raises:
        ValueError: If the error is another word, or the unit is not positive.
        KeyError: In training, if there is no reference.

    Example:
        >>> model = MODELS.build(dict(
        ...     type='GuidedSR', net=dict(type='GuidedSRNet', genotype='dcnas-tiny-16x', channels=8)))
        >>> model(dict(guide=torch.rand(1, 3, 61, 83), target=torch.rand(1, 1, 61, 83))).shape
        torch.Size([1, 3, 61, 83])
    """

    sensors = ('guide', 'target')
    channels = dict(guide=3, target=1)

    def __init__(self, net: dict | None, bands: tuple[int, int, int] | None = None,
                 unit: float | None = None, error: str = 'l1', scales: Sequence[int] | None = None,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        if error not in ERRORS or (unit is not None and unit <= 0):
            raise InputError(f'GuidedSR got error={error!r} and unit={unit}; errors are {list(ERRORS)}, a unit is None '
                             'or greater than 0.')
        super().__init__(None, data_preprocessor or dict(type='mmfusenas.GuidedDataPreprocessor'), init_cfg)
        self.net = MODELS.build(net) if net else None
        self.bands, self.unit, self.error, self.scales = bands, unit, error, scales
        if self.net is not None:
            self.channels = dict(guide=self.net.guidance_channels, target=self.net.target_channels)

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the target in high resolution as ``restored``, and a BGR ``image`` of it to look at."""
        restored = inputs['target']
        if self.net is not None:
            restored = self.net(restored, inputs['guide'])
        shown = restored[:, list(self.bands[::-1])] if self.bands else restored[:, :1].expand(-1, 3, -1, -1)
        return dict(image=shown, restored=restored)

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if 'reference' not in inputs:
            raise MissingKeyError(
                f'GuidedSR learns from references; the inputs are {sorted(inputs)}. Put DegradeTarget into '
                'the pipeline, or give the data set a folder of them: data_prefix=dict(reference=...).')
        # N x 1 x 1 x 1: the unit of [0, 1] of each image, in that of the losses
        unit = inputs.get('unit', torch.ones(1)).to(images['restored']).view(-1, 1, 1, 1)
        restored, target, reference = (unit * x for x in (images['restored'], inputs['target'], inputs['reference']))
        after, before = (_rmse(x.detach(), reference) for x in (restored, target))
        exact = before <= EXACT * unit.flatten()  # bicubic interpolation leaves nothing to gain
        return dict(**{f'loss_{self.error}': ERRORS[self.error](restored, reference)}, rmse=after.mean(),
                    ratio=torch.where(exact, 1.0, after / before.clamp(min=1e-12)).mean())

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor:
        """Run the model, see :meth:`BaseScene.forward`; the losses are in the unit of measurement, if there is one."""
        if mode == 'loss' and self.unit is not None:
            ranges = [sample.metainfo['target_range'] for sample in data_samples]
            inputs = dict(inputs, unit=self.unit * torch.tensor([high - low for low, high in ranges]))
        return super().forward(inputs, data_samples, mode)

    def predict(self, images: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with ``restored``, H x W (x B) in the unit of the target, and ``pred_img``."""
        for sample, restored in zip(data_samples, images['restored'], strict=True):
            low, high = sample.metainfo.get('target_range', (0.0, 1.0))
            values = without_padding(restored * (high - low) + low, sample)
            sample.restored = values[..., 0] if values.shape[2] == 1 else values
        return super().predict(images, data_samples)
