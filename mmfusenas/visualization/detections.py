"""Boxes drawn into an image, as mmdet draws them."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.structures import InstanceData


def draw_detections(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray | None = None,
                    dataset_meta: Mapping[str, Any] | None = None) -> np.ndarray:
    """Draw boxes with class names, and scores where they are given.

    Args:
        image: H x W x 3 BGR, uint8.
        boxes: N x 4 (x1, y1, x2, y2) in pixels.
        labels: N class numbers.
        scores: N scores, or None for annotated boxes.
        dataset_meta: ``classes`` and ``palette``; numbers and mmdet's colours otherwise.

    Returns:
        An image of the same size, BGR, uint8.

    Example:
        >>> draw_detections(np.zeros((60, 80, 3), np.uint8), np.array([[5, 5, 30, 40]]), np.array([0])).shape
        (60, 80, 3)
    """
    height, width = image.shape[:2]
    limits = torch.tensor([width, height, width, height]) - 1  # mmengine warns of boxes that touch the border
    instances = InstanceData(bboxes=torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4).minimum(limits),
                             labels=torch.as_tensor(labels, dtype=torch.long))
    if scores is not None:
        instances.scores = torch.as_tensor(scores)
    # Made, not fetched by its name: mmengine's named visualizers are one a process.
    visualizer = _Drawer(name='mmfusenas_detections', line_width=2)
    visualizer.dataset_meta = dict(dict(classes=None, palette=None), **(dataset_meta or {}))
    visualizer.add_datasample('', image[..., ::-1], DetDataSample(gt_instances=instances), draw_pred=False)
    return visualizer.drawn[..., ::-1].copy()


class _Drawer(DetLocalVisualizer):
    """mmdet's visualizer, which keeps the image it made: to fetch it again is to draw it a second time."""

    def add_image(self, name: str, image: np.ndarray, step: int = 0) -> None:
        self.drawn = image
