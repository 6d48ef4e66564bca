"""How natural images look."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmfusenas.datasets.images import to_grey
from mmfusenas.evaluation.functional.niqe import NaturalModel, niqe
from mmfusenas.registry import METRICS
from mmfusenas.structures import predicted_image


@METRICS.register_module()
class NIQEMetric(BaseMetric):
    """NIQE of the images that a model makes: lower is more natural; no references are needed.

    Of the luma in 8 bit, by :func:`~mmfusenas.evaluation.functional.niqe.niqe`. The score is the mean over the images
    that have one.

    Args:
        model: File of the authors' model of natural images, ``niqe_pris_params.npz``, as mmagic and BasicSR ship it.
        **kwargs: Of mmengine's ``BaseMetric``. The prefix of the score is ``'quality'``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another file, or an image is smaller than two blocks of 96 x 96.

    Example:
        >>> np.savez('model.npz', mu_pris_param=np.zeros((1, 36)), cov_pris_param=np.eye(36))
        >>> metric = NIQEMetric('model.npz')  # in place of niqe_pris_params.npz
        >>> metric.process({}, [dict(pred_img=np.random.randint(256, size=(192, 192, 3), dtype=np.uint8))])
        >>> metric.evaluate(size=1)['quality/NIQE'] > 0
        True
    """

    default_prefix = 'quality'

    def __init__(self, model: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.model = NaturalModel.load(model)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score the images of one batch."""
        for sample in data_samples:
            image = torch.from_numpy(to_grey(predicted_image(sample)).astype(np.float64))
            self.results.append(float(niqe(image[None, None], self.model)))

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Return the mean over the images."""
        return dict(NIQE=float(np.nanmean(results)))
