"""Detection scores that are there from the first validation on, of all images or of some."""
from __future__ import annotations

from collections.abc import Sequence

from mmdet.evaluation import CocoMetric

from mmfusenas.core.errors import InputError
from mmfusenas.registry import METRICS

_DEFAULT_ITEMS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


@METRICS.register_module()
class DetectionMetric(CocoMetric):
    """mmdet's ``CocoMetric``, which scores 0 where nothing at all is predicted, and can be held to some images.

    Where nothing is predicted, mmdet 3.3 returns no score, and a checkpoint hook with ``save_best`` fails on the
    missing key: an early epoch of a detector is enough. Arguments and names of the scores (``coco/bbox_mAP``, ...) are
    mmdet's. Without ``ann_file`` the ground truth comes from the ``instances`` that ``PackPairDetInputs`` keeps.

    Args:
        only: Meta information that an image must have to be scored; the packing has to keep its keys (``meta_keys``).
            A second evaluator with another ``prefix`` tells night from the rest in one test. Empty: every image.
        **kwargs: Of ``CocoMetric``.

    Raises:
        ValueError: No image has what ``only`` asks for, or two images have one ``img_id``, as in a
            ``ConcatDataset``: their boxes would count as those of one.

    Example:
        >>> DetectionMetric(metric='bbox', classwise=True).prefix
        'coco'
        >>> DetectionMetric(metric='bbox', prefix='night', only=dict(condition='night')).only
        {'condition': 'night'}
    """

    def __init__(self, *, only: dict | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.only = dict(only or {})

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep what a batch shows and what was found, and note which images are scored."""
        super().process(data_batch, data_samples)
        # Dropped only after the processes have put their results together, which needs equal numbers of them.
        for (annotated, _), sample in zip(self.results[-len(data_samples):], data_samples):
            annotated['scored'] = all(sample.get(key) == value for key, value in self.only.items())
            annotated['img_path'] = sample.get('img_path')

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute mmdet's scores, with zeros for those that it leaves out."""
        self._check_ids(results)
        results = [pair for pair in results if pair[0]['scored']]
        if not results:
            raise InputError(f'No image to score has {self.only}: does the packing keep its keys (meta_keys)?')
        if self.only:
            self.img_ids = [annotated['img_id'] for annotated, _ in results]
        scores = super().compute_metrics(results)
        if self.format_only:
            return scores
        names = [f'{name}_precision' for name in self.dataset_meta['classes']] if self.classwise else []
        for metric in self.metrics:
            if metric in ('bbox', 'segm'):
                names += [f'{metric}_{item}' for item in self.metric_items or _DEFAULT_ITEMS]
        return {**dict.fromkeys(names, 0.0), **{name: float(score) for name, score in scores.items()}}

    def _check_ids(self, results: list) -> None:
        paths = {}
        for annotated, _ in results:
            number, path = annotated['img_id'], annotated['img_path']
            if paths.setdefault(number, path) != path:
                raise InputError(f'DetectionMetric got {paths[number]} and {path} with one img_id, {number}: a '
                                 'ConcatDataset numbers each of its parts from 0. Score the parts one by one, by '
                                 "val_evaluator=dict(type='MultiDatasetsEvaluator', ...) of mmdet or one test each.")
