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

    Its outputs ``boxes`` 1 x A x 4 and ``scores`` 1 x A x classes become ``boxes`` M x 4, ``scores`` M and ``labels`` M
    (int64): at most ``max_per_img``, of scores above ``score_thr``, none of which overlaps a better one of its class by
    more than ``nms.iou_threshold``. Unlike mmdet it has no limit a level before that (``nms_pre``).

    Args:
        graph: As :func:`~mmfusenas.apis.exporting.export_onnx` makes it; changed.
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
    limit = limit if limit > 0 else _ALL
    constants = dict(
        limit=np.int64([limit]), iou=np.float32([nms['iou_threshold']]),
        least=np.float32([test_cfg.get('score_thr', 0)]), first=np.int64([0]), of_class=np.int64(1), of_box=np.int64(2))
    graph.graph.initializer.extend(numpy_helper.from_array(value, f'nms/{name}') for name, value in constants.items())
    for node in graph.graph.node:
        for place, name in enumerate(node.output):
            node.output[place] = f'all_{name}' if name in ('boxes', 'scores') else name
        for place, name in enumerate(node.input):
            node.input[place] = f'all_{name}' if name in ('boxes', 'scores') else name

    def add(operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        graph.graph.node.append(helper.make_node(operator, inputs, list(outputs), f'/nms/{outputs[0]}', **attributes))

    add('Transpose', ['all_scores'], 'nms/by_class', perm=[0, 2, 1])
    add('NonMaxSuppression', ['all_boxes', 'nms/by_class', 'nms/limit', 'nms/iou', 'nms/least'], 'nms/kept')
    add('GatherND', ['nms/by_class', 'nms/kept'], 'nms/scores')
    add('Shape', ['nms/scores'], 'nms/number')
    add('Min', ['nms/number', 'nms/limit'], 'nms/most')
    add('TopK', ['nms/scores', 'nms/most'], 'scores', 'nms/order', axis=0)
    add('Gather', ['nms/kept', 'nms/order'], 'nms/best', axis=0)
    add('Gather', ['nms/best', 'nms/of_class'], 'labels', axis=1)
    add('Gather', ['nms/best', 'nms/of_box'], 'nms/places', axis=1)
    add('Squeeze', ['all_boxes', 'nms/first'], 'nms/boxes')
    add('Gather', ['nms/boxes', 'nms/places'], 'boxes', axis=0)
    shapes = dict(boxes=(TensorProto.FLOAT, ['found', 4]), scores=(TensorProto.FLOAT, ['found']),
                  labels=(TensorProto.INT64, ['found']))
    kept = [output for output in graph.graph.output if output.name not in shapes]
    del graph.graph.output[:]
    graph.graph.output.extend(kept + [helper.make_tensor_value_info(name, *what) for name, what in shapes.items()])
