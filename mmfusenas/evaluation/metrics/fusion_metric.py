"""Fusion metrics in a validation or a test."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmfusenas.core.errors import InputError, MissingKeyError
from mmfusenas.core.names import nearest
from mmfusenas.evaluation.suite import CONVENTIONS, compute_scores, find_metrics
from mmfusenas.registry import METRICS
from mmfusenas.structures import predicted_image


@METRICS.register_module()
class FusionMetric(BaseMetric):
    """Score fused images by their sources: MI, FMI, VIF, Q^AB/F and the others of ``evaluation.functional``.

    The luma (BT.601) of the 8-bit ``pred_img`` of each prediction is compared with the luma of the visible and with
    the infrared image that went into it, all in [0, 255]; the scores are means over the images. Any model that
    predicts ``pred_img`` can be scored, detectors included. ``tools/analysis_tools/fusion_metrics.py`` gives the same
    figures for folders of images.

    Args:
        metric: Names, in any case (``'MI'``, ``'ms_ssim'``, ...), or ``'all'``. Defaults to those of the convention:
            the four of TIM's tables, the eight of CDDFuse's.
        bit_depth: Bits that the files of a sensor really hold, as in :class:`PairDataPreprocessor`.
        convention: Whose definitions, a name in ``evaluation.suite.CONVENTIONS``: ours, or ``'cddfuse'`` for figures
            to lay beside tables made by the evaluator of CDDFuse. Defaults to ``'mmfusenas'``.
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'fusion'``, or the name of another
            convention.

    Raises:
        KeyError: If the inputs are not of two sensors.
        ValueError: If a metric or the convention is unknown; the message has the nearest one.

    Example:
        >>> metric = FusionMetric(metric=['MI', 'ssim'])
        >>> inputs = dict(visible=torch.zeros(1, 3, 40, 50), infrared=torch.randint(256, (1, 1, 40, 50)))
        >>> metric.process(dict(inputs=inputs), [dict(pred_img=np.zeros((40, 50, 3), np.uint8))])
        >>> sorted(metric.evaluate(size=1))
        ['fusion/MI', 'fusion/SSIM']
        >>> FusionMetric(convention='cddfuse').prefix
        'cddfuse'
    """

    default_prefix = 'fusion'

    def __init__(self, metric: Sequence[str] | str | None = None, bit_depth: dict[str, int] | None = None,
                 convention: str = 'mmfusenas', **kwargs) -> None:
        if convention not in CONVENTIONS:
            raise InputError(f'FusionMetric has no convention={convention!r}{nearest(convention, CONVENTIONS)}. There '
                             f'are {", ".join(CONVENTIONS)}.')
        if convention != 'mmfusenas':  # beside ours in one evaluation the names must differ
            kwargs.setdefault('prefix', convention)
        super().__init__(**kwargs)
        self.convention = CONVENTIONS[convention]
        names = self.convention.default if metric is None else [metric] if isinstance(metric, str) else metric
        self.metrics = find_metrics(names, self.convention.metrics)
        self.bit_depth = dict(bit_depth or {})

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score the images of one batch."""
        inputs = data_batch['inputs']
        # Of a pair out of register, the infrared image before its deformation is the source.
        second = inputs.get('aligned', inputs.get('infrared'))
        if second is None or 'visible' not in inputs:
            raise MissingKeyError(
                f'FusionMetric compares with the images of both sensors; the inputs are {sorted(inputs)}. '
                "Give the data set both folders: data_prefix=dict(img='Vis', infrared='Ir').")
        for visible, infrared, sample in zip(inputs['visible'], second, data_samples, strict=True):
            images = (self.convention.read(predicted_image(sample), None), self._source('visible', visible),
                      self._source('infrared', infrared))
            scores = compute_scores(self.metrics, *images, metrics=self.convention.metrics)
            self.results.append({name: float(value) for name, value in scores.items()})

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Return the mean over the images."""
        return {name: float(np.mean([scores[name] for scores in results])) for name in self.metrics}

    def _source(self, name: str, image: Tensor) -> Tensor:
        """Return a packed image, C x H x W of its own depth, as the metrics take it."""
        full_scale = 2 ** self.bit_depth[name] - 1 if name in self.bit_depth else None
        return self.convention.read(image.permute(1, 2, 0).numpy(), full_scale)
