"""Suppression of boxes as the last part of an ONNX graph."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmfusenas.core.errors import InputError

if TYPE_CHECKING:
    from onnx import ModelProto

_ALL = 2**31 - 1


def add_nms(graph: ModelProto, test_cfg: dict[str, Any]) -> None:
    """Let the graph of a detector suppress boxes, class by class, and give what is left, best first.

    Left are at most ``max_per_img``, of scores above ``score_thr``, none of which overlaps a better one of its class by
    more than ``nms.iou_threshold``.

    Args:
        graph: As :func:`~mmfusenas.apis.exporting.export_onnx` makes it, with the outputs ``boxes`` M x 4, ``scores`` M
            and ``labels`` M; changed.
        test_cfg: Of the detector.

    Raises:
        ValueError: The detector suppresses in another way than by ``dict(type='nms', iou_threshold=...)``.
    """
    from onnx import TensorProto, helper, numpy_helper

    nms = dict(test_cfg.get('nms') or {})
    if set(nms) != {'type', 'iou_threshold'} or nms['type'] != 'nms':
        raise InputError(f"The detector suppresses boxes by nms={nms or None}; a graph does so by dict(type='nms', "
                         'iou_threshold=...). Set model.task.test_cfg.nms, or export without suppression.')
    limit = test_cfg.get('max_per_img', -1)
    constants = dict(
        limit=np.int64([limit if limit > 0 else _ALL]), iou=np.float32([nms['iou_threshold']]),
        least=np.float32([test_cfg.get('score_thr', 0)]), one=np.int64([1]), pixel=np.float32(1), box=np.int64(2),
        boxes_shape=np.int64([1, -1, 4]), scores_shape=np.int64([1, 1, -1]))
    graph.graph.initializer.extend(numpy_helper.from_array(value, f'nms/{name}') for name, value in constants.items())
    names = ('boxes', 'scores', 'labels')
    for node in graph.graph.node:
        for values in (node.input, node.output):
            values[:] = [f'all_{name}' if name in names else name for name in values]

    def add(operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        graph.graph.node.append(helper.make_node(operator, inputs, list(outputs), f'/nms/{outputs[0]}', **attributes))

    # A class in a place of its own, so that boxes of two classes do not overlap.
    add('ReduceMax', ['all_boxes'], 'nms/largest', keepdims=0)
    add('Add', ['nms/largest', 'nms/pixel'], 'nms/side')
    add('Cast', ['all_labels'], 'nms/classes', to=TensorProto.FLOAT)
    add('Mul', ['nms/classes', 'nms/side'], 'nms/offsets')
    add('Unsqueeze', ['nms/offsets', 'nms/one'], 'nms/column')
    add('Add', ['all_boxes', 'nms/column'], 'nms/moved')
    add('Reshape', ['nms/moved', 'nms/boxes_shape'], 'nms/boxes')
    add('Reshape', ['all_scores', 'nms/scores_shape'], 'nms/scores')
    add('NonMaxSuppression', ['nms/boxes', 'nms/scores', 'nms/limit', 'nms/iou', 'nms/least'], 'nms/kept')
    add('Gather', ['nms/kept', 'nms/box'], 'nms/places', axis=1)
    add('Gather', ['all_scores', 'nms/places'], 'nms/left')
    add('Shape', ['nms/left'], 'nms/number')
    add('TopK', ['nms/left', 'nms/number'], 'scores', 'nms/order', axis=0)
    add('Gather', ['nms/places', 'nms/order'], 'nms/best')
    for name in ('boxes', 'labels'):
        add('Gather', [f'all_{name}', 'nms/best'], name)
    for output in graph.graph.output:
        if output.name in names:
            output.type.tensor_type.shape.dim[0].dim_param = 'found'
