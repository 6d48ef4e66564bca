"""From packed guide and targets to a batch."""
from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.structures import BaseDataElement

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.models.data_preprocessors.pair_data_preprocessor import PairDataPreprocessor
from mmfusenas.registry import MODELS

OLD_INPUTS = dict(guidance='guide', visible='guide', infrared='target')


@MODELS.register_module()
class GuidedDataPreprocessor(PairDataPreprocessor):
    """Scale the guide of a batch to [0, 1] by its depth, target and reference by the range of their sample.

    That range is ``target_range`` (low, high) of the data sample, as :class:`DegradeTarget` found it: low becomes 0 and
    high 1, and what lies beyond is not clamped. A sample without one counts as scaled already.

    Args:
        bit_depth: Bits of the guide, ``dict(guide=11)``.
        non_blocking: As of :class:`PairDataPreprocessor`.

    Returns:
        ``inputs``: ``guide`` N x G x H x W in [0, 1], ``target`` (upsampled) and, where there is one, ``reference``
        (in high resolution) N x T x H x W, in units of the range, float32; ``data_samples`` as they came.

    Raises:
        ValueError: If ``bit_depth`` names another input, or the inputs have no names; and as of its base.

    Example:
        >>> from mmfusenas.structures import FusionDataSample
        >>> inputs = dict(guide=[torch.zeros(3, 4, 6, dtype=torch.uint8)], target=[torch.full((1, 4, 6), 1500.0)])
        >>> samples = [FusionDataSample(metainfo=dict(target_range=(1000.0, 3000.0)))]
        >>> GuidedDataPreprocessor()(dict(inputs=inputs, data_samples=samples))['inputs']['target'].max().item()
        0.25
    """

    def __init__(self, bit_depth: dict[str, int] | None = None, non_blocking: bool = False) -> None:
        super().__init__(renamed(bit_depth or {}, dict(visible='guide')), non_blocking)
        if set(self.bit_depth) - {'guide'}:
            raise InputError(f'GuidedDataPreprocessor got bit_depth={self.bit_depth}; give that of the guide, '
                             'dict(guide=...). The range of targets is value_range of DegradeTarget.')

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch of what the data loader hands over, with the guide under its old name as well."""
        if not isinstance(data['inputs'], Mapping):
            raise InputError('GuidedDataPreprocessor needs inputs by name, guide and target, as PackPairInputs packs '
                             f'them; got a {type(data["inputs"]).__name__}.')
        return super().forward(dict(data, inputs=renamed(data['inputs'], OLD_INPUTS)), training)

    def _scale(self, name: str, image: torch.Tensor, sample: BaseDataElement | None) -> torch.Tensor:
        if name == 'guide':
            return super()._scale(name, image, sample)
        low, high = (sample or {}).get('target_range', (0.0, 1.0))
        return (image.float() - low) / (high - low)

    def _check_values(self, name: str, image: torch.Tensor, file: str) -> None:
        if name == 'guide':
            super()._check_values(name, image, file)
        elif not torch.isfinite(image).all():
            raise InputError(f'NaN or infinity in the {name} image {file}. Repair or remove the file.')
