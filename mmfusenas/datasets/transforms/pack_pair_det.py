"""Packing a sample for the model: with boxes."""
from __future__ import annotations

from collections.abc import Sequence

from mmdet.datasets.transforms import PackDetInputs

from mmfusenas.datasets.transforms.pack_pair import PAIR_META, complete_meta, further_inputs, present_meta_keys
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackPairDetInputs(PackDetInputs):
    """mmdet's packing, with all images of a sample: one, a pair, and a reference.

    Args:
        meta_keys: Keys kept as meta information, beside ``PAIR_META`` and ``instances`` (the boxes as annotated, of
            which mmdet's CocoMetric makes its ground truth when it has no ``ann_file``).

    Returns:
        ``inputs``: ``visible`` 3 x H x W and, where there are any, ``infrared`` and ``aligned`` 1 x H x W and
        ``reference`` 3 x H x W, each of its own dtype; ``data_samples``: a ``DetDataSample``.

    Example:
        >>> packed = PackPairDetInputs()(dict(
        ...     img=np.zeros((4, 6, 3), np.uint8), infrared=np.zeros((4, 6), np.uint16),
        ...     gt_bboxes=np.array([[0.0, 0.0, 3.0, 2.0]]), gt_bboxes_labels=np.array([1])))
        >>> {name: tuple(x.shape) for name, x in packed['inputs'].items()}
        {'visible': (3, 4, 6), 'infrared': (1, 4, 6)}
        >>> packed['data_samples'].gt_instances.labels.tolist()
        [1]
    """

    def __init__(self, meta_keys: Sequence[str] = ()) -> None:
        super().__init__(meta_keys=(*PAIR_META, 'instances', *present_meta_keys(meta_keys)))

    def transform(self, results: dict) -> dict:
        """Pack ``results``."""
        results = complete_meta(results)
        packed = super().transform(results)
        packed['inputs'] = dict(visible=packed['inputs'], **further_inputs(results))
        return packed
