"""Whether warm objects stay brighter than what is round them, in a validation or a test."""
from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import to_grey
from mmfusenas.evaluation.functional import target_contrast
from mmfusenas.registry import METRICS
from mmfusenas.structures import predicted_image


@METRICS.register_module()
class TargetContrastMetric(BaseMetric):
    """Share of the annotated objects of a class that are darker in the fused image than what is round them.

    ``darker`` is that share, ``contrast`` the mean of :func:`~mmfusenas.evaluation.functional.target_contrast` in grey
    levels (luma of the 8-bit ``pred_img``), ``objects`` their number.

    Args:
        target: Name of the class. Defaults to 'person', the warm one.
        stems: Pattern of the stems of the images that count, such as ``'*N'`` for the night frames of MSRS; a second
            evaluator with another ``prefix`` has the others. Defaults to all.
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the scores is the class.

    Raises:
        ValueError: If the data have no such class, or no image that counts shows it.

    Example:
        >>> metric = TargetContrastMetric(stems='*N')
        >>> metric.dataset_meta = dict(classes=('person', ))
        >>> image = np.zeros((20, 20, 3), np.uint8)
        >>> image[5:10, 5:10] = 30
        >>> annotated = dict(bboxes=torch.tensor([[5.0, 5.0, 10.0, 10.0]]), labels=torch.tensor([0]))
        >>> metric.process({}, [dict(img_path='1N.png', gt_instances=annotated, pred_img=image)])
        >>> metric.evaluate(size=1)
        {'person/darker': 0.0, 'person/contrast': 30.0, 'person/objects': 1}
    """

    def __init__(self, target: str = 'person', stems: str = '*', **kwargs) -> None:
        super().__init__(**{'prefix': target, **kwargs})
        self.target = target
        self.stems = stems

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the contrasts of the objects of one batch."""
        if self.target not in self.dataset_meta['classes']:
            raise InputError(f'TargetContrastMetric looks for {self.target!r}, and the data have the classes '
                             f'{", ".join(self.dataset_meta["classes"])}.')
        label = self.dataset_meta['classes'].index(self.target)
        for sample in data_samples:
            contrasts = []
            if fnmatchcase(Path(sample['img_path']).stem, self.stems):
                annotated = sample['gt_instances']
                boxes = annotated['bboxes'].numpy()  # of a tensor, or of mmdet's boxes
                boxes = torch.from_numpy(boxes)[annotated['labels'] == label]
                image = torch.from_numpy(to_grey(predicted_image(sample)).astype(np.float64))
                contrasts = [value for value in target_contrast(image, boxes).tolist() if value == value]
            self.results.append(contrasts)

    def compute_metrics(self, results: list[list[float]]) -> dict[str, float]:
        """Return share, mean and number over all objects."""
        contrasts = np.array([value for image in results for value in image])
        if not len(contrasts):
            raise InputError(f'No {self.target} is annotated in the images {self.stems!r} that were tested.')
        return dict(darker=float((contrasts < 0).mean()), contrast=float(contrasts.mean()), objects=len(contrasts))
