"""The matching of anchors to faces of S3FD."""
from __future__ import annotations

from mmdet.models.task_modules.assigners import AssignResult, MaxIoUAssigner
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.registry import TASK_UTILS


@TASK_UTILS.register_module()
class ScaleCompensationAssigner(MaxIoUAssigner):
    """mmdet's MaxIoUAssigner, and more anchors for objects that got few (S3FD, Zhang et al., ICCV 2017, section 3.2).

    The first stage is mmdet's. Small objects, and those of a size between two anchors, match fewer anchors than others.
    In the second stage each object with fewer than N anchors gets, of the anchors that no object has and whose IoU with
    it is above ``compensation_iou_thr``, those of the largest IoU, up to N in all. N is the mean number of anchors that
    the objects of the image got in the first stage, rounded down, at least 1.

    Args:
        compensation_iou_thr: IoU from which an anchor may be added. Defaults to 0.1, of the paper.
        **kwargs: Of ``MaxIoUAssigner``; the paper has ``pos_iou_thr=0.35``, RUAS 0.3.

    Raises:
        ValueError: If ``compensation_iou_thr`` is not between 0 and ``pos_iou_thr``.

    Example:
        >>> from mmengine.structures import InstanceData
        >>> assigner = ScaleCompensationAssigner(pos_iou_thr=0.5, neg_iou_thr=0.5)
        >>> anchors = torch.tensor([[0.0, 0, 8, 8], [0, 0, 8, 6], [0, 4, 8, 8], [40, 40, 44, 44], [40, 41, 44, 47]])
        >>> objects = InstanceData(bboxes=torch.tensor([[0.0, 0, 8, 8], [40, 40, 44, 44]]), labels=torch.tensor([0, 1]))
        >>> assigner.assign(InstanceData(priors=anchors), objects).gt_inds.tolist()  # 3 anchors, and 1 with 1 more
        [1, 1, 1, 2, 2]
    """

    def __init__(self, pos_iou_thr: float, neg_iou_thr: float | tuple[float, float],
                 compensation_iou_thr: float = 0.1, **kwargs) -> None:
        # By its scope: without a default scope of mmdet the name alone is not found.
        kwargs.setdefault('iou_calculator', dict(type='mmdet.BboxOverlaps2D'))
        super().__init__(pos_iou_thr, neg_iou_thr, **kwargs)
        if not 0 <= compensation_iou_thr <= pos_iou_thr:
            raise InputError(f'ScaleCompensationAssigner got compensation_iou_thr={compensation_iou_thr} and '
                             f'pos_iou_thr={pos_iou_thr}; the first is from 0 to the second.')
        self.compensation_iou_thr = compensation_iou_thr

    def assign_wrt_overlaps(self, overlaps: Tensor, gt_labels: Tensor) -> AssignResult:
        """Assign by the IoU of objects (rows) and anchors (columns), K x N; gt_inds is 1 + the object, 0 for none."""
        result = super().assign_wrt_overlaps(overlaps, gt_labels)
        if not overlaps.numel():
            return result
        counts = (result.gt_inds[None] == 1 + result.gt_inds.new_tensor(range(len(overlaps)))[:, None]).sum(1)
        target = max(int(counts.sum()) // len(counts), 1)
        for index in (counts < target).nonzero()[:, 0].tolist():
            free = (result.gt_inds <= 0) & (overlaps[index] > self.compensation_iou_thr)
            order = overlaps[index].masked_fill(~free, -1.0).argsort(descending=True, stable=True)
            added = order[:min(target - int(counts[index]), int(free.sum()))]
            result.gt_inds[added] = index + 1
            result.labels[added] = gt_labels[index]
            result.max_overlaps[added] = overlaps[index, added]
        return result
