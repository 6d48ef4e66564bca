"""How far a recovered field of displacements is from the true one."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from mmfusenas.core.errors import MissingKeyError
from mmfusenas.registry import METRICS


@METRICS.register_module()
class EndpointError(BaseMetric):
    """Mean distance in pixels between the predicted and the true displacement, and that without any registration.

    Over the pixels whose true displacement leads to a place inside the image: what lies outside cannot be seen. The
    predictions need ``pred_flow`` (:class:`RegisteredFusion`), the inputs ``flow`` (:class:`RandomDeformation`).

    Args:
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is ``'registration'``.

    Raises:
        KeyError: If the pairs come without their true fields.

    Example:
        >>> metric = EndpointError()
        >>> inputs = dict(flow=[torch.tensor([3.0, 4.0]).view(2, 1, 1).expand(2, 20, 30)])
        >>> metric.process(dict(inputs=inputs), [dict(pred_flow=np.full((20, 30, 2), (3.0, 3.0)))])
        >>> metric.evaluate(size=1)
        {'registration/epe': 1.0, 'registration/epe_unregistered': 5.0}
    """

    default_prefix = 'registration'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure the fields of one batch."""
        if 'flow' not in data_batch['inputs']:
            raise MissingKeyError(
                'EndpointError found no true field: the test pipeline needs RandomDeformation before the '
                'packing.')
        for flow, sample in zip(data_batch['inputs']['flow'], data_samples, strict=True):
            truth, found = flow.permute(1, 2, 0).cpu().numpy(), sample['pred_flow']
            height, width = truth.shape[:2]
            x, y = np.meshgrid(np.arange(width), np.arange(height))
            x, y = x + truth[..., 0], y + truth[..., 1]
            inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
            errors = [np.linalg.norm(difference, axis=2)[inside].mean() for difference in (found - truth, truth)]
            self.results.append(tuple(map(float, errors)))

    def compute_metrics(self, results: list[tuple[float, float]]) -> dict[str, float]:
        """Return the means over the images."""
        error, without = np.mean(results, axis=0)
        return dict(epe=float(error), epe_unregistered=float(without))
