"""Detection scores that are there from the first validation on."""
from __future__ import annotations

from mmdet.evaluation import CocoMetric

from mmfusenas.registry import METRICS

_DEFAULT_ITEMS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


@METRICS.register_module()
class DetectionMetric(CocoMetric):
    """mmdet's ``CocoMetric``, which scores 0 where nothing at all is predicted.

    mmdet 3.3 then returns no score, and a checkpoint hook with ``save_best`` fails on the missing key: an early epoch
    of a detector is enough. Arguments and names of the scores (``coco/bbox_mAP``, ...) are mmdet's. Without
    ``ann_file`` the ground truth comes from the ``instances`` that ``PackPairDetInputs`` keeps.

    Example:
        >>> DetectionMetric(metric='bbox', classwise=True).prefix
        'coco'
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute mmdet's scores, with zeros for those that it leaves out."""
        scores = super().compute_metrics(results)
        if self.format_only:
            return scores
        names = [f'{name}_precision' for name in self.dataset_meta['classes']] if self.classwise else []
        for metric in self.metrics:
            if metric in ('bbox', 'segm'):
                names += [f'{metric}_{item}' for item in self.metric_items or _DEFAULT_ITEMS]
        return {**dict.fromkeys(names, 0.0), **{name: float(score) for name, score in scores.items()}}
