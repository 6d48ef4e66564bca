"""What a graph of an export computes of a detector of two stages."""
from __future__ import annotations

from typing import Any

import torch
from mmcv.ops import RoIAlign, nms, roi_align
from mmdet.models.dense_heads import RPNHead
from mmdet.models.roi_heads import BBoxHead, SingleRoIExtractor, StandardRoIHead
from mmdet.structures.bbox import bbox2roi
from torch import Tensor, nn

from mmfusenas.apis.onnx_detectors import DetectionGraph, best_of, candidates
from mmfusenas.apis.onnx_nms import checked_nms


class TwoStageGraph(DetectionGraph):
    """The same of a Faster R-CNN: proposals, suppressed in the graph, and the classes and boxes of their regions.

    Its ``test_cfg.rcnn`` has no ``min_bbox_size``: a box may have any side.

    Raises:
        ValueError: Its proposals are suppressed in another way than by ``dict(type='nms', iou_threshold=...)``.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.proposals_cfg = checked_nms(self.test_cfg.rpn)
        self.test_cfg = self.test_cfg.rcnn
        self.test_cfg.min_bbox_size = -1
        self.task.roi_head.bbox_roi_extractor = _RegionMaps(self.task.roi_head.bbox_roi_extractor)

    def found(self, seen: Tensor, meta: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        maps, head = self.task.extract_feat(seen), self.task.roi_head
        regions = bbox2roi([self.proposals(maps, meta['img_shape'])])
        results = head._bbox_forward(maps, regions)
        found, = head.bbox_head.predict_by_feat(
            (regions,), (results['cls_score'],), (results['bbox_pred'],), [meta], rcnn_test_cfg=None)
        boxes = found.bboxes.reshape(len(regions), -1, 4)
        scores = found.scores[:, :-1]  # the last class is the background
        return candidates(boxes.expand(-1, scores.shape[1], -1), scores)

    def proposals(self, maps: tuple[Tensor, ...], shape: Tensor) -> Tensor:
        """Return the best boxes of the first stage; those of a level do not suppress another's."""
        head, cfg = self.task.rpn_head, self.proposals_cfg
        levels = head(maps)
        priors = head.prior_generator.grid_priors([scores.shape[-2:] for scores in levels[0]], device=maps[0].device)
        found = []
        for number, (objects, deltas, prior) in enumerate(zip(*levels, priors, strict=True)):
            objects = objects[0].permute(1, 2, 0).reshape(-1, head.cls_out_channels)
            scores = objects.sigmoid()[:, 0] if head.use_sigmoid_cls else objects.softmax(1)[:, 0]
            best = best_of(scores, cfg.get('nms_pre', -1))
            deltas = deltas[0].permute(1, 2, 0).reshape(-1, 4)[best]
            boxes = head.bbox_coder.decode(prior[best], deltas, max_shape=shape)
            found.append((boxes, scores[best], torch.full_like(scores[best], number)))
        boxes, scores, level = (torch.cat(values) for values in zip(*found, strict=True))
        apart = boxes + (level * (boxes.max() + 1))[:, None]
        if cfg.get('min_bbox_size', -1) >= 0:
            large = ((boxes[:, 2:] - boxes[:, :2]).amin(1) > cfg['min_bbox_size']).nonzero()[:, 0]
            boxes, scores, apart = boxes[large], scores[large], apart[large]
        kept = _NMS.apply(apart, scores, cfg['nms']['iou_threshold'])
        return boxes[kept[best_of(scores[kept], cfg.get('max_per_img', -1))]]


class _RegionMaps(nn.Module):
    """mmdet's extractor, which leaves out a level that no region is of when it is traced."""

    def __init__(self, extractor: SingleRoIExtractor) -> None:
        super().__init__()
        self.extractor, self.num_inputs = extractor, extractor.num_inputs

    def forward(self, maps: tuple[Tensor, ...], regions: Tensor) -> Tensor:
        level = self.extractor.map_roi_levels(regions, len(maps))
        places = [(level == number).nonzero()[:, 0] for number in range(len(maps))]
        found = [_RoIAlign.apply(values, regions[place], *layer.output_size, layer.spatial_scale, layer.sampling_ratio,
                                 layer.aligned)
                 for values, place, layer in zip(maps, places, self.extractor.roi_layers, strict=True)]
        return torch.cat(found)[torch.cat(places).argsort()]


class _RoIAlign(torch.autograd.Function):
    """mmcv's operator as that of ONNX: mmcv's own symbol is of an ONNX that did not know half a pixel yet."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, regions: Tensor, height: int, width: int, scale: float, ratio: int,
                aligned: bool) -> Tensor:
        return roi_align(values, regions, (height, width), scale, ratio, 'avg', aligned)

    @staticmethod
    def symbolic(g: Any, values: Any, regions: Any, height: int, width: int, scale: float, ratio: int,
                 aligned: bool) -> Any:
        one, sides = (g.op('Constant', value_t=torch.tensor(numbers)) for numbers in ([0], [1, 2, 3, 4]))
        image = g.op('Cast', g.op('Squeeze', g.op('Gather', regions, one, axis_i=1), g.op(
            'Constant', value_t=torch.tensor([1]))), to_i=torch.onnx.TensorProtoDataType.INT64)
        return g.op('RoiAlign', values, g.op('Gather', regions, sides, axis_i=1), image, mode_s='avg',
                    output_height_i=height, output_width_i=width, spatial_scale_f=scale, sampling_ratio_i=max(ratio, 0),
                    coordinate_transformation_mode_s='half_pixel' if aligned else 'output_half_pixel')


class _NMS(torch.autograd.Function):
    """mmcv's suppression as that of ONNX: the places of what is left of N boxes."""

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
        return nms(boxes, scores, threshold)[1]

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, threshold: float) -> Any:
        first, both, place, most, overlap = (g.op('Constant', value_t=torch.tensor(value)) for value in (
            [0], [0, 1], 2, [2**31 - 1], [threshold]))
        boxes, scores = g.op('Unsqueeze', boxes, first), g.op('Unsqueeze', scores, both)
        kept = g.op('NonMaxSuppression', boxes, scores, most, overlap)
        return g.op('Gather', kept, place, axis_i=1)


def is_exported(task: nn.Module) -> bool:
    """Return whether a detector of two stages is one whose parts are those that are written here."""
    head, extractor = getattr(task, 'roi_head', None), getattr(getattr(task, 'roi_head', None), 'bbox_roi_extractor', 0)
    return (type(head) is StandardRoIHead and not head.with_mask and type(getattr(task, 'rpn_head', None)) is RPNHead
            and type(head.bbox_head)._predict_by_feat_single is BBoxHead._predict_by_feat_single
            and type(extractor) is SingleRoIExtractor
            and all(type(layer) is RoIAlign and layer.pool_mode == 'avg' for layer in extractor.roi_layers))
