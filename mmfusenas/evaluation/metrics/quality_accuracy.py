"""How often good and poor images are told apart."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from mmfusenas.registry import METRICS


@METRICS.register_module()
class QualityAccuracy(BaseMetric):
    """Share of the images and references whose quality a :class:`QualityClassifier` classifies rightly, from 0 to 1.

    ``poor`` counts the images, ``good`` the references, and ``accuracy`` both.

    Args:
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'classifier'``.

    Example:
        >>> metric = QualityAccuracy()
        >>> metric.process({}, [dict(good=dict(visible=poor, reference=0.9)) for poor in (0.2, 0.6)])
        >>> metric.evaluate(size=2)
        {'classifier/poor': 0.5, 'classifier/good': 1.0, 'classifier/accuracy': 0.75}
    """

    default_prefix = 'classifier'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the right ones of one batch."""
        for sample in data_samples:
            good = sample['good']
            self.results.append(dict(poor=float(good['visible'] < 0.5), good=float(good['reference'] >= 0.5)))

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Return the means over the images."""
        scores = {name: float(np.mean([result[name] for result in results])) for name in results[0]}
        return dict(scores, accuracy=(scores['poor'] + scores['good']) / 2)
