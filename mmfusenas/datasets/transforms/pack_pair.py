"""Packing a sample for the model: images only."""
from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.pairing import OLD_KEYS, PATHS
from mmfusenas.registry import TRANSFORMS
from mmfusenas.structures import FusionDataSample

PAIR_META = ('img_id', *PATHS.values(), 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction',
             'target_range', 'float_range')
"""Meta keys that every packed sample has, as far as the results do."""


def get_role(key: str, keys: Container[str]) -> str:
    """Return what the model's inputs call an image of a sample that has ``keys``: its key; of ``img`` its role.

    Example:
        >>> get_role('img', ('img', 'infrared')), get_role('img', ('img', 'target'))
        ('visible', 'guide')
    """
    if key != 'img':
        return key
    return 'guide' if 'target' in keys else 'visible'


def image_tensor(image: np.ndarray) -> torch.Tensor:
    """Return C x H x W of H x W or H x W x C, with the same dtype."""
    return torch.from_numpy(np.ascontiguousarray(np.atleast_3d(image).transpose(2, 0, 1)))


def further_inputs(results: dict) -> dict[str, torch.Tensor]:
    """Return the inputs beside the first: the other images and ``flow``, where there are any."""
    return {key: image_tensor(results[key]) for key in (*PATHS, 'flow') if key != 'img' and key in results}


def present_meta_keys(meta_keys: Sequence[str]) -> list[str]:
    """Return keys of meta information with the paths of images under their present names, with a warning."""
    return list(renamed(dict.fromkeys(meta_keys), OLD_KEYS))


def complete_meta(results: dict) -> dict:
    """Return what is packed: images under their present names, and the meta information that some transforms leave out.

    Without old names it is ``results`` itself.
    """
    results = renamed(results, OLD_KEYS)
    results['img_shape'] = results['img'].shape[:2]
    results.setdefault('ori_shape', results['img_shape'])
    results.setdefault('scale_factor', (1.0, 1.0))
    results.setdefault('flip', False)
    results.setdefault('flip_direction', None)
    return results


@TRANSFORMS.register_module()
class PackPairInputs(BaseTransform):
    """Pack the images of a sample into tensors and a :class:`FusionDataSample`; needs no mmdet.

    Required key: ``img`` (H x W x 3, or H x W for a restoration of grey images); optional ones: ``infrared``,
    ``aligned``, ``noise`` (H x W), ``reference`` (as ``img``), ``kernel`` (K x K) and ``flow`` (H x W x 2, of
    :class:`RandomDeformation`). The rest is dropped.

    Args:
        meta_keys: Keys kept as meta information, beside ``PAIR_META``.

    Returns:
        ``inputs``: ``visible`` 3 x H x W and, where there are any, ``infrared``, ``aligned`` and ``noise`` 1 x H x W,
        ``reference`` 3 x H x W, ``flow`` 2 x H x W and ``kernel`` 1 x K x K, each of its own dtype; ``data_samples``.

    Example:
        >>> packed = PackPairInputs()(dict(img=np.zeros((4, 6, 3), np.uint8), infrared=np.zeros((4, 6), np.uint16)))
        >>> {name: (tuple(x.shape), x.dtype) for name, x in packed['inputs'].items()}
        {'visible': ((3, 4, 6), torch.uint8), 'infrared': ((1, 4, 6), torch.uint16)}
    """

    def __init__(self, meta_keys: Sequence[str] = ()) -> None:
        self.meta_keys = (*PAIR_META, *present_meta_keys(meta_keys))

    def transform(self, results: dict) -> dict:
        """Pack ``results``."""
        results = complete_meta(results)
        meta = {key: results[key] for key in self.meta_keys if key in results}
        inputs = {get_role('img', results): image_tensor(results['img']), **further_inputs(results)}
        inputs.update({key: image_tensor(results[key]) for key in ('noise', 'kernel') if key in results})
        return dict(inputs=inputs, data_samples=FusionDataSample(metainfo=meta))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
