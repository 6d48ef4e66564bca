"""Guided super-resolution as a model of its own."""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmfusenas.core.errors import MissingKeyError
from mmfusenas.models.scene.base_scene import BaseScene, without_padding
from mmfusenas.registry import MODELS


@MODELS.register_module()
class GuidedSR(BaseScene):
    """Guided super-resolution (DCNAS eq. 2): a low-resolution target, upsampled with a high-resolution guide.

    Trains with the mean absolute error to the reference and logs the root mean squared one, both in [0, 1] of
    ``target_range``; predicts ``restored`` in the unit of the target.

    Args:
        net: Config of the network, a :class:`GuidedSRNet`, or of a rule, a :class:`GuidedFilterSR`; None gives back the
            bicubic input, to compare with.
        bands: Which three bands make the image to look at, in the order red, green, blue; None for a target of one.
            Defaults to None.
        data_preprocessor: Defaults to ``dict(type='GuidedDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        ``guide`` N x G x H x W and ``target`` (upsampled) N x T x H x W, to ``restored`` N x T x H x W, not clamped.

    Raises:
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
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(None, data_preprocessor or dict(type='mmfusenas.GuidedDataPreprocessor'), init_cfg)
        self.net = MODELS.build(net) if net else None
        self.bands = bands
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
        restored, reference = images['restored'], inputs['reference']
        return dict(loss_l1=F.l1_loss(restored, reference), rmse=F.mse_loss(restored.detach(), reference).sqrt())

    def predict(self, images: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with ``restored``, H x W (x B) in the unit of the target, and ``pred_img``."""
        for sample, restored in zip(data_samples, images['restored'], strict=True):
            low, high = sample.metainfo.get('target_range', (0.0, 1.0))
            values = without_padding(restored * (high - low) + low, sample)
            sample.restored = values[..., 0] if values.shape[2] == 1 else values
        return super().predict(images, data_samples)
