"""From packed guidance and targets to a batch."""
from __future__ import annotations

import torch

from mmfusenas.core.errors import InputError
from mmfusenas.models.data_preprocessors.pair_data_preprocessor import PairDataPreprocessor
from mmfusenas.registry import MODELS

_NAMES = dict(visible='guidance', infrared='target')


@MODELS.register_module()
class GuidedDataPreprocessor(PairDataPreprocessor):
    """Scale the guidance of a batch to [0, 1] by its depth; targets stay as :class:`DegradeTarget` scaled them.

    Args:
        bit_depth: Bits of the guidance, ``dict(visible=11)``; the target is scaled by :class:`DegradeTarget`.
        non_blocking: As of :class:`PairDataPreprocessor`.

    Returns:
        ``inputs``: ``guidance`` N x G x H x W in [0, 1], ``target`` (upsampled) and, where there is one, ``reference``
        (in high resolution) N x T x H x W, float32; ``data_samples`` as they came.

    Raises:
        ValueError: If ``bit_depth`` names another input; and as of its base.

    Example:
        >>> sample = dict(visible=[torch.zeros(3, 4, 6, dtype=torch.uint8)], infrared=[torch.full((1, 4, 6), 1.5)])
        >>> GuidedDataPreprocessor()(dict(inputs=sample))['inputs']['target'].max().item()
        1.5
    """

    def __init__(self, bit_depth: dict[str, int] | None = None, non_blocking: bool = False) -> None:
        super().__init__(bit_depth, non_blocking)
        if set(self.bit_depth) - {'visible'}:
            raise InputError(f'GuidedDataPreprocessor got bit_depth={self.bit_depth}; give that of the guidance, '
                             'dict(visible=...). Targets are scaled by value_range of DegradeTarget.')

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch; what is packed as ``visible`` and ``infrared`` are the guidance and the target."""
        batch = super().forward(data, training)
        return dict(batch, inputs={_NAMES.get(name, name): image for name, image in batch['inputs'].items()})

    def _scale(self, name: str, image: torch.Tensor) -> torch.Tensor:
        return super()._scale(name, image) if name == 'visible' else image.float()

    def _check_values(self, name: str, image: torch.Tensor, file: str) -> None:
        if name == 'visible':
            super()._check_values(name, image, file)
        elif not torch.isfinite(image).all():
            raise InputError(f'NaN or infinity in the {name} image {file}. Repair or remove the file.')
