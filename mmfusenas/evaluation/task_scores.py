"""Scores of what a detector or segmentor found in single images, without a Runner."""
from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData
from torch import Tensor


def mean_average_precision(samples: Sequence[dict], classes: Sequence[str]) -> float:
    """Return the mAP at an IoU of 0.5 of a few images, as :class:`DetectionMetric` gives it (COCO's).

    Args:
        samples: Of :func:`detection_sample`.
        classes: Names of the classes.

    Returns:
        NaN where the images have no object.
    """
    from mmfusenas.evaluation.metrics.detection_metric import DetectionMetric

    if all(instance['ignore_flag'] for sample in samples for instance in sample['instances']):
        return float('nan')  # of which COCO's evaluation makes -1
    metric = DetectionMetric(metric='bbox', metric_items=['mAP_50'])
    metric.dataset_meta = dict(classes=tuple(classes))
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # that nothing was found is a score of 0
    try:
        with redirect_stdout(io.StringIO()):  # of pycocotools
            metric.process({}, samples)
            return metric.evaluate(len(samples))['coco/bbox_mAP_50']
    finally:
        logger.setLevel(level)


def detection_sample(number: int, found: dict[str, np.ndarray], instances: list[dict], shape: tuple[int, int]) -> dict:
    """Return what was found in an image beside what is there.

    Args:
        number: Of the image.
        found: ``boxes`` (N x 4, pixels), ``scores`` and ``labels`` (N).
        instances: ``bbox``, ``bbox_label`` and ``ignore_flag`` of each object, as :class:`PairDataset` gives them.
        shape: Height and width of the image.
    """
    boxes, scores, labels = (torch.from_numpy(np.array(found[key])) for key in ('boxes', 'scores', 'labels'))
    return dict(img_id=number, img_path=str(number), ori_shape=shape, instances=instances,
                pred_instances=InstanceData(bboxes=boxes, scores=scores, labels=labels))


def mean_iou(areas: Sequence[Tensor]) -> float:
    """Return the mean over the classes of intersection over union, summed over the images first, as mmseg's.

    A class that is neither found nor there does not count.

    Args:
        areas: Of :func:`class_areas`, of each image.
    """
    intersection, union = torch.stack(list(areas)).sum(0)
    return float((intersection / union).nanmean())


def class_areas(mask: np.ndarray, truth: np.ndarray, num_classes: int, ignored: int = 255) -> Tensor:
    """Return the areas of intersection and union of a map with the true one, in pixels, 2 x classes.

    Args:
        mask: Class numbers, uint8 H x W.
        truth: The true ones; ``ignored`` does not count.
        num_classes: Number of classes.
        ignored: As above.

    Example:
        >>> class_areas(np.array([[0, 1, 1]], np.uint8), np.array([[0, 0, 1]], np.uint8), 2).tolist()
        [[1.0, 1.0], [2.0, 2.0]]
    """
    counted = truth != ignored
    mask, truth = mask[counted], truth[counted]
    both, one, other = (np.bincount(values, minlength=num_classes)[:num_classes]
                        for values in (mask[mask == truth], mask, truth))
    return torch.from_numpy(np.stack([both, one + other - both])).double()
