"""A detector of one's own: RetinaNet that also learns where any object is."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmdet.models.detectors import RetinaNet
from mmdet.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ForegroundRetinaNet(RetinaNet):
    """RetinaNet with one more loss: the finest level of the neck has to tell the inside of boxes from the rest.

    The loss covers every place of the image, so a fusion network in front of the detector is guided also where no
    anchor matches. Nothing is added to prediction. Registered in mmdet, it is named without a prefix under
    ``_scope_='mmdet'``, as mmdet's own detectors are.

    Args:
        foreground_weight: Weight of the loss. Defaults to 0.5.
        **kwargs: Arguments of mmdet's RetinaNet; the neck's config has ``out_channels``.

    Example:
        >>> task = dict(_scope_='mmdet', type='ForegroundRetinaNet', backbone=..., neck=..., bbox_head=...)
    """

    def __init__(self, foreground_weight: float = 0.5, **kwargs) -> None:
        super().__init__(**kwargs)
        self.foreground_weight = foreground_weight
        self.foreground = nn.Conv2d(kwargs['neck']['out_channels'], 1, 1)

    def loss(self, batch_inputs: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Return RetinaNet's losses and ``loss_foreground``."""
        features = self.extract_feat(batch_inputs)
        logits = self.foreground(features[0])
        inside = torch.stack([
            inside_boxes(sample.gt_instances.bboxes, batch_inputs.shape[2:], logits.shape[2:])
            for sample in batch_data_samples])
        foreground = F.binary_cross_entropy_with_logits(logits[:, 0], inside)
        return dict(self.bbox_head.loss(features, batch_data_samples),
                    loss_foreground=self.foreground_weight * foreground)


def inside_boxes(boxes: Tensor, image: tuple[int, int], cells: tuple[int, int]) -> Tensor:
    """Return 1 for the cells of a grid over the image whose centre lies in a box, else 0.

    Args:
        boxes: (x1, y1, x2, y2) in pixels, M x 4; M may be 0.
        image: Height and width of the image in pixels.
        cells: Height and width of the grid.

    Example:
        >>> inside_boxes(torch.tensor([[0., 0., 8., 8.]]), (8, 16), (1, 2))
        tensor([[1., 0.]])
    """
    y, x = ((torch.arange(count, device=boxes.device) + 0.5) * size / count for size, count in zip(image, cells))
    x1, y1, x2, y2 = boxes[:, :, None].unbind(1)
    rows, columns = (y >= y1) & (y <= y2), (x >= x1) & (x <= x2)
    return (rows[:, :, None] & columns[:, None]).any(0).to(boxes.dtype)
