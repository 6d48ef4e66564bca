"""The fusion metrics by name, and the conventions under which they are published."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.core.names import nearest
from mmfusenas.datasets.images import to_grey
from mmfusenas.evaluation import functional as F


class MetricFunction(NamedTuple):
    """One metric.

    Attributes:
        function: Of (fused), or (fused, first, second); N x 1 x H x W in [0, 255] to N values.
        needs_sources: Whether it compares with the sources.
        higher_is_better: Which way it points.
    """

    function: Callable[..., Tensor]
    needs_sources: bool = True
    higher_is_better: bool = True


class Convention(NamedTuple):
    """How published figures of one evaluator are made.

    Attributes:
        metrics: Its metrics by name.
        default: Names of those that are computed unless others are asked for.
        read: Of (image, full_scale), as :func:`grey_tensor`: what the metrics are given.
        channel: What ``read`` returns, in words.
    """

    metrics: Mapping[str, MetricFunction]
    default: tuple[str, ...]
    read: Callable[[np.ndarray, float | None], Tensor]
    channel: str


FUSION_METRICS: Mapping[str, MetricFunction] = dict(
    EN=MetricFunction(F.entropy, needs_sources=False),
    SD=MetricFunction(F.standard_deviation, needs_sources=False),
    SF=MetricFunction(F.spatial_frequency, needs_sources=False),
    AG=MetricFunction(F.average_gradient, needs_sources=False),
    MI=MetricFunction(F.mutual_information),
    NMI=MetricFunction(F.normalized_mutual_information),
    FMI=MetricFunction(F.feature_mutual_information),
    FMI_pixel=MetricFunction(partial(F.feature_mutual_information, feature='pixel')),
    FMI_dct=MetricFunction(partial(F.feature_mutual_information, feature='dct')),
    VIF=MetricFunction(F.vif),
    Qabf=MetricFunction(F.qabf),
    Nabf=MetricFunction(F.nabf, higher_is_better=False),
    SCD=MetricFunction(F.scd),
    CC=MetricFunction(F.correlation_coefficient),
    CC_visible=MetricFunction(lambda fused, visible, infrared: F.correlation_coefficient(fused, visible, visible)),
    CC_infrared=MetricFunction(lambda fused, visible, infrared: F.correlation_coefficient(fused, infrared, infrared)),
    SSIM=MetricFunction(F.ssim),
    MS_SSIM=MetricFunction(F.ms_ssim),
    MSE=MetricFunction(F.mse, higher_is_better=False),
    PSNR=MetricFunction(F.psnr),
)
"""All metrics; FMI is that of gradients, as in the tables of TIM."""

DEFAULT_METRICS = ('MI', 'FMI', 'VIF', 'Qabf')
"""The four of TIM's tables 1 and 2."""

CDDFUSE_METRICS: Mapping[str, MetricFunction] = {
    **{name: FUSION_METRICS[name] for name in ('EN', 'SD', 'SF')},
    'MI': MetricFunction(partial(F.mutual_information, base=math.e)),
    **{name: FUSION_METRICS[name] for name in ('SCD', 'VIF')},
    'Qabf': MetricFunction(partial(F.qabf, raw_ties=True)),
    'SSIM': MetricFunction(partial(F.ssim, data_range=2.0)),
}
"""The eight of CDDFuse's tables (Zhao et al., CVPR 2023), as its evaluator defines them.

MI is in nats. Of edges of one strength Q^AB/F takes the strength for its ratio. SSIM has the data range 2, which the
scikit-image 0.19.2 that CDDFuse names takes for floating-point images; later versions of scikit-image have no default.
The other five are ours. Where CDDFuse's evaluator divides 0 by 0 and gives NaN, these give what ours do: SCD 0 for a
constant difference or source, Q^AB/F 1 for sources without an edge.
"""


def find_metrics(names: Iterable[str], metrics: Mapping[str, MetricFunction] = FUSION_METRICS) -> list[str]:
    """Return the names as ``metrics`` spells them; ``'all'`` is all of them.

    Raises:
        ValueError: A name is unknown; the message names the nearest one.

    Example:
        >>> find_metrics(['mi', 'ms-ssim'])
        ['MI', 'MS_SSIM']
    """
    spelled = {name.lower().replace('_', ''): name for name in metrics}
    found = []
    for name in names:
        key = name.lower().replace('_', '').replace('-', '').replace('/', '')
        if key == 'all':
            found += metrics
        elif key in spelled:
            found.append(spelled[key])
        else:
            raise InputError(f'There is no fusion metric {name!r}{nearest(name.upper(), metrics)}. There are '
                             f'{", ".join(metrics)}, or all.')
    return list(dict.fromkeys(found))


@torch.no_grad()
def compute_scores(names: Iterable[str], fused: Tensor, first: Tensor, second: Tensor,
            metrics: Mapping[str, MetricFunction] = FUSION_METRICS) -> dict[str, Tensor]:
    """Return the metrics ``names`` of a batch.

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values a name.
    """
    return {name: metrics[name].function(*((fused, first, second) if metrics[name].needs_sources else (fused,)))
            for name in names}


def grey_tensor(image: np.ndarray, full_scale: float | None = None) -> Tensor:
    """Return an image as the metrics take it: luma (BT.601) in [0, 255], 1 x 1 x H x W.

    Args:
        image: H x W or H x W x 3 (BGR). Colour is turned to grey in its own depth.
        full_scale: Its largest possible value; None goes by the dtype (uint8 255, uint16 65535, else 255).
    """
    full_scale = full_scale or {np.dtype(np.uint16): 65535.0}.get(image.dtype, 255.0)
    grey = torch.from_numpy(to_grey(image).astype(np.float64))
    return (grey * (255 / full_scale)).clamp(0, 255)[None, None]


def grey_levels(image: np.ndarray, full_scale: float | None = None) -> Tensor:
    """Return an image as the evaluator of CDDFuse reads it: luma (BT.601) of 8 bits, 1 x 1 x H x W.

    Colour is turned to grey in single precision and rounded to whole numbers, half to even; that of
    :func:`grey_tensor` is OpenCV's in whole numbers, which differs by one level in some pixels.

    Args:
        image: H x W or H x W x 3 (BGR). Of uint16 the upper 8 bits count, as OpenCV reads a PNG at 8 bits.
        full_scale: Its largest possible value, which becomes 255. None goes by the dtype.

    Example:
        >>> colour = np.array([[[0, 21, 228]]], np.uint8)  # 80.499
        >>> grey_tensor(colour).item(), grey_levels(colour).item()
        (81.0, 80.0)
    """
    if full_scale is None and image.dtype == np.uint16:
        image = image >> 8
    return grey_tensor(image.astype(np.float32), full_scale).round()


CONVENTIONS: Mapping[str, Convention] = dict(
    mmfusenas=Convention(FUSION_METRICS, DEFAULT_METRICS, grey_tensor, 'luma (BT.601)'),
    cddfuse=Convention(CDDFUSE_METRICS, tuple(CDDFUSE_METRICS), grey_levels, 'luma (BT.601), whole numbers'),
)
"""Ours, and those of published evaluators."""
