"""The fusion metrics by name."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmfusenas.datasets.pictures import to_grey
from mmfusenas.evaluation import functional as F
from mmfusenas.nas.names import nearest


class Measure(NamedTuple):
    """One metric.

    Attributes:
        function: Of (fused), or (fused, first, second); N x 1 x H x W in [0, 255] to N values.
        needs_sources: Whether it compares with the sources.
        higher_is_better: Which way it points.
    """

    function: Callable[..., Tensor]
    needs_sources: bool = True
    higher_is_better: bool = True


MEASURES: Mapping[str, Measure] = dict(
    EN=Measure(F.entropy, needs_sources=False),
    SD=Measure(F.standard_deviation, needs_sources=False),
    SF=Measure(F.spatial_frequency, needs_sources=False),
    AG=Measure(F.average_gradient, needs_sources=False),
    MI=Measure(F.mutual_information),
    NMI=Measure(F.normalized_mutual_information),
    FMI=Measure(F.feature_mutual_information),
    FMI_pixel=Measure(partial(F.feature_mutual_information, feature='pixel')),
    FMI_dct=Measure(partial(F.feature_mutual_information, feature='dct')),
    VIF=Measure(F.vif),
    Qabf=Measure(F.qabf),
    Nabf=Measure(F.nabf, higher_is_better=False),
    SCD=Measure(F.scd),
    CC=Measure(F.correlation_coefficient),
    SSIM=Measure(F.ssim),
    MS_SSIM=Measure(F.ms_ssim),
    MSE=Measure(F.mse, higher_is_better=False),
    PSNR=Measure(F.psnr),
)
"""All metrics; FMI is that of gradients, as in the tables of TIM."""

DEFAULT_MEASURES = ('MI', 'FMI', 'VIF', 'Qabf')
"""The four of TIM's tables 1 and 2."""


def find_measures(names: Iterable[str]) -> list[str]:
    """Return the names as ``MEASURES`` spells them; ``'all'`` is all of them.

    Raises:
        ValueError: A name is unknown; the message names the nearest one.

    Example:
        >>> find_measures(['mi', 'ms-ssim'])
        ['MI', 'MS_SSIM']
    """
    spelled = {name.lower().replace('_', ''): name for name in MEASURES}
    found = []
    for name in names:
        key = name.lower().replace('_', '').replace('-', '').replace('/', '')
        if key == 'all':
            found += MEASURES
        elif key in spelled:
            found.append(spelled[key])
        else:
            raise ValueError(f'There is no fusion metric {name!r}{nearest(name.upper(), MEASURES)}. There are '
                             f'{", ".join(MEASURES)}, or all.')
    return list(dict.fromkeys(found))


@torch.no_grad()
def measure(names: Iterable[str], fused: Tensor, first: Tensor, second: Tensor) -> dict[str, Tensor]:
    """Return the metrics ``names`` of a batch.

    Shape:
        N x 1 x H x W in [0, 255] three times, to N values a name.
    """
    return {name: MEASURES[name].function(*((fused, first, second) if MEASURES[name].needs_sources else (fused,)))
            for name in names}


def grey_tensor(picture: np.ndarray, full_scale: float | None = None) -> Tensor:
    """Return a picture as the metrics take it: luma (BT.601) in [0, 255], 1 x 1 x H x W.

    Args:
        picture: H x W or H x W x 3 (BGR). Colour is turned to grey in its own depth.
        full_scale: Its largest possible value; None goes by the dtype (uint8 255, uint16 65535, else 255).
    """
    full_scale = full_scale or {np.dtype(np.uint16): 65535.0}.get(picture.dtype, 255.0)
    grey = torch.from_numpy(to_grey(picture).astype(np.float64))
    return (grey * (255 / full_scale)).clamp(0, 255)[None, None]
