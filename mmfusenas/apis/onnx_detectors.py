"""What a graph of an export computes of a detector."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.config import ConfigDict
from torch import Tensor, nn

from mmfusenas.apis.onnx_graphs import TaskGraph
from mmfusenas.apis.onnx_nms import NO_THRESHOLD


class DetectionGraph(TaskGraph):
    """The fused image, and the boxes, scores and classes of what a dense head of mmdet takes for objects; of one pair.

    Head and coder decode themselves (``predict_by_feat``): of each level the ``nms_pre`` best of ``test_cfg``, whatever
    their scores, so that there are as many of every image. :func:`~mmfusenas.apis.onnx_nms.add_nms` puts the head's
    ``score_thr`` in the place of ``NO_THRESHOLD``: a trace in which no score is above it would have no decoding.
    ``by_confidence`` is whether ``conf_thr`` holds. None is suppressed yet, but where ``suppressed`` says so.
    ``left_out`` names what the detector does that the graph does not.

    Shape:
        ``boxes`` M x 4 (x1, y1, x2, y2 in pixels), ``scores`` M in [0, 1], ``labels`` M, int64.
    """

    outputs = ('image', 'boxes', 'scores', 'labels')
    axes = dict(image={2: 'height', 3: 'width'}, boxes={0: 'found'}, scores={0: 'found'}, labels={0: 'found'})
    by_confidence = suppressed = False
    left_out: tuple[str, ...] = ()

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.test_cfg = ConfigDict(self.task.test_cfg or {})

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        image, seen = self.image_and_input(images)
        shape = torch._shape_as_tensor(image)[2:]  # in a trace a value of the graph, whatever a coder makes of it
        meta = dict(img_shape=shape, ori_shape=shape, pad_shape=shape, scale_factor=(1.0, 1.0))
        with _as_outside_an_export():
            return image, *self.found(seen, meta)

    def found(self, seen: Tensor, meta: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the boxes, scores and labels in one image, as the task sees it."""
        cfg = ConfigDict(self.test_cfg, min_bbox_size=-1, score_thr=NO_THRESHOLD)
        if not self.by_confidence:
            cfg.update(conf_thr=-1.0)
        found, = self.task.bbox_head.predict_by_feat(
            *self.task(seen, mode='tensor'), batch_img_metas=[meta], cfg=cfg, rescale=False, with_nms=False)
        return found.bboxes, found.scores, found.labels


class PAAGraph(DetectionGraph):
    """The same of heads that score by class and predicted overlap together (PAA, LAD), without their score voting.

    Their ``predict_by_feat`` ends in a suppression, so that it is written here up to that. A box may have any side:
    they have no ``min_bbox_size``.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.test_cfg.min_bbox_size = -1
        self.left_out = ('score voting',) * self.task.bbox_head.with_score_voting

    def found(self, seen: Tensor, meta: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        head, levels = self.task.bbox_head, self.task(seen, mode='tensor')
        priors = head.prior_generator.grid_priors([scores.shape[-2:] for scores in levels[0]], device=seen.device)
        found = []
        for classes, deltas, overlaps, prior in zip(*levels, priors, strict=True):
            classes, deltas, overlaps = (
                values[0].permute(1, 2, 0).reshape(-1, columns)
                for values, columns in ((classes, head.cls_out_channels), (deltas, 4), (overlaps, 1)))
            scores = (classes.sigmoid() * overlaps.sigmoid()).sqrt()
            best = best_of(scores.amax(1), self.test_cfg.get('nms_pre', -1))
            boxes = head.bbox_coder.decode(prior[best], deltas[best], max_shape=meta['img_shape'])
            found.append((boxes, scores[best]))
        return candidates(*(torch.cat(values) for values in zip(*found, strict=True)))


class QueryGraph(DetectionGraph):
    """The same of a detector of queries (DETR and what came of it), which suppresses no boxes: what it predicts."""

    suppressed = True

    def found(self, seen: Tensor, meta: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        shape = torch._shape_as_tensor(seen)[2:]
        sample = SimpleNamespace(**meta, batch_input_shape=shape, metainfo=meta)  # a DetDataSample copies: constants
        states = self.task.forward_transformer(self.task.extract_feat(seen), [sample])
        found, = self.task.bbox_head.predict(**states, batch_data_samples=[sample], rescale=False)
        return found.bboxes, found.scores, found.labels


def best_of(scores: Tensor, limit: int) -> Tensor:
    """Return the places of the ``limit`` highest of N scores, of all where it is not positive, best first."""
    order = scores.argsort(descending=True)
    return order[:limit] if limit > 0 else order  # a slice, which is never longer than what it is of; top-k fails


def candidates(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return boxes, scores and labels of every class of every box, to suppress by.

    Shape:
        N x 4, or a box for each class N x C x 4, and N x C, to N * C x 4, N * C and N * C.
    """
    place, label = (scores > NO_THRESHOLD).nonzero().unbind(1)
    return boxes[place] if boxes.dim() == 2 else boxes[place, label], scores[place, label], label


@contextmanager
def _as_outside_an_export() -> Iterator[None]:
    """Let mmdet decode as it does elsewhere, of any number of candidates.

    In an export it looks for a module that it no longer has. And a trace keeps the smaller of ``nms_pre`` and the
    number of candidates that it saw; a slice is never longer than what is sliced.
    """
    from mmdet.models.utils import misc

    exporting, torch.onnx.is_in_onnx_export = torch.onnx.is_in_onnx_export, lambda: False
    misc.min = lambda limit, number: limit
    try:
        yield
    finally:
        torch.onnx.is_in_onnx_export = exporting
        del misc.min
