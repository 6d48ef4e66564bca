"""Packing a sample for the model: with a segmentation map."""
from __future__ import annotations

from collections.abc import Sequence

from mmseg.datasets.transforms import PackSegInputs

from mmfusenas.datasets.transforms.pack_pair import PAIR_META, complete_meta, further_inputs, present_meta_keys
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackPairSegInputs(PackSegInputs):
    """mmseg's packing, with all images of a sample: one, a pair, and a reference.

    Args:
        meta_keys: Keys kept as meta information, beside ``PAIR_META``, ``seg_map_path`` and ``reduce_zero_label``.

    Returns:
        ``inputs``: ``visible`` 3 x H x W and, where there are any, ``infrared`` and ``aligned`` 1 x H x W and
        ``reference`` 3 x H x W, each of its own dtype; ``data_samples``: a ``SegDataSample`` with ``gt_sem_seg`` where
        the results hold ``gt_seg_map``.

    Example:
        >>> packed = PackPairSegInputs()(dict(
        ...     img=np.zeros((4, 6, 3), np.uint8), infrared=np.zeros((4, 6), np.uint16),
        ...     gt_seg_map=np.zeros((4, 6), np.uint8)))
        >>> {name: tuple(x.shape) for name, x in packed['inputs'].items()}
        {'visible': (3, 4, 6), 'infrared': (1, 4, 6)}
        >>> packed['data_samples'].gt_sem_seg.data.shape
        torch.Size([1, 4, 6])
    """

    def __init__(self, meta_keys: Sequence[str] = ()) -> None:
        super().__init__(meta_keys=(*PAIR_META, 'seg_map_path', 'reduce_zero_label', *present_meta_keys(meta_keys)))

    def transform(self, results: dict) -> dict:
        """Pack ``results``."""
        results = complete_meta(results)
        packed = super().transform(results)
        packed['inputs'] = dict(visible=packed['inputs'], **further_inputs(results))
        return packed
