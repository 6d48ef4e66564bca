"""From packed pictures with their blur to a batch."""
from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import stack_batch
from torch import Tensor

from mmfusenas.models.data_preprocessors.pair_data_preprocessor import PairDataPreprocessor
from mmfusenas.registry import MODELS


@MODELS.register_module()
class RestorationDataPreprocessor(PairDataPreprocessor):
    """:class:`PairDataPreprocessor` for pictures that come with a blur kernel.

    Args:
        bit_depth, non_blocking: As of its base.

    Returns:
        As of its base, ``noise`` N x 1 x H x W in units of the [0, 1] picture among the inputs, with ``kernel``
        N x 1 x K x K where the samples have one: smaller kernels get zeros around.

    Raises:
        ValueError: As of its base.

    Example:
        >>> sample = dict(visible=[torch.zeros(1, 8, 8, dtype=torch.uint8)], kernel=[torch.ones(1, 1, 1)])
        >>> RestorationDataPreprocessor()(dict(inputs=sample))['inputs']['kernel'].shape
        torch.Size([1, 1, 1, 1])
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch; kernels are no pictures."""
        inputs = data['inputs']
        kernels = inputs.get('kernel') if isinstance(inputs, dict) else None
        if kernels is None:
            return super().forward(data, training)
        batch = super().forward(
            dict(data, inputs={name: x for name, x in inputs.items() if name != 'kernel'}), training)
        largest = max(kernel.shape[-1] for kernel in kernels)
        batch['inputs']['kernel'] = self.cast_data(stack_batch([_padded(kernel, largest) for kernel in kernels]))
        return batch


def _padded(kernel: Tensor, side: int) -> Tensor:
    return F.pad(kernel.float(), ((side - kernel.shape[-1]) // 2,) * 4)
