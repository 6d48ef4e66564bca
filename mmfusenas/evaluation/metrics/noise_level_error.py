"""How near the estimated noise comes to the true one."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from mmfusenas.core.errors import MissingKeyError
from mmfusenas.registry import METRICS


@METRICS.register_module()
class NoiseLevelError(BaseMetric):
    """Estimated noise maps against the true level, in percent of the full range.

    ``level_error`` is the mean over the images of the absolute difference of the map's mean and the level,
    ``map_error`` that of the mean absolute difference of the map itself, and ``correlation`` Pearson's between the
    means and the levels, where there are three images at least.

    Args:
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'noise'``.

    Raises:
        KeyError: If the true level is not known.

    Example:
        >>> metric = NoiseLevelError()
        >>> inputs = dict(noise=torch.full((1, 1, 4, 6), 25.5))  # a tenth of the range
        >>> metric.process(dict(inputs=inputs), [dict(guidance=np.full((4, 6), 0.12))])
        >>> round(metric.evaluate(size=1)['noise/level_error'], 4)
        2.0
    """

    default_prefix = 'noise'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare the maps of one batch."""
        if 'noise' not in data_batch['inputs']:
            raise MissingKeyError('NoiseLevelError compares with the true level; the inputs are '
                                  f'{sorted(data_batch["inputs"])}. BlurAndNoise in the pipeline gives it.')
        for level, sample in zip(data_batch['inputs']['noise'], data_samples, strict=True):
            true, estimated = level[0].numpy() / 2.55, np.asarray(sample['guidance']) * 100
            self.results.append(dict(true=float(true.mean()), estimated=float(estimated.mean()),
                                     map_error=float(np.abs(true - estimated).mean())))

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Return the means over the images."""
        true, estimated, error = (np.array([result[name] for result in results])
                                  for name in ('true', 'estimated', 'map_error'))
        scores = dict(level_error=float(np.abs(true - estimated).mean()), map_error=float(error.mean()))
        if len(true) >= 3 and true.std() and estimated.std():
            scores['correlation'] = float(np.corrcoef(true, estimated)[0, 1])
        return scores
