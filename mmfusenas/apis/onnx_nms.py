"""Suppression of boxes as the last part of an ONNX graph."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmfusenas.core.errors import InputError

if TYPE_CHECKING:
    from onnx import ModelProto

_ALL = 2**31 - 1
_NAMES = ('boxes', 'scores', 'labels')
NO_THRESHOLD = -1 - 2**-10
"""Threshold of the scores in a trace, which each is above; of a value that nothing else in a graph has."""


def checked_nms(test_cfg: dict[str, Any] | None) -> dict[str, Any]:
    """Return the ``test_cfg`` of a detector.

    Raises:
        ValueError: It suppresses in another way than by ``dict(type='nms', iou_threshold=...)``.
    """
    nms = dict((test_cfg or {}).get('nms') or {})
    if set(nms) != {'type', 'iou_threshold'} or nms['type'] != 'nms':
        raise InputError(f"The detector suppresses boxes by nms={nms or None}; a graph does so by dict(type='nms', "
                         'iou_threshold=...). Set model.task.test_cfg.nms, or export without suppression.')
    return dict(test_cfg)


def add_nms(graph: ModelProto, test_cfg: dict[str, Any]) -> None:
    """Let the graph of a detector suppress boxes, class by class, and give what is left, best first.

    Left are at most ``max_per_img``, of sides above ``min_bbox_size`` where that is not negative, none of which
    overlaps a better one of its class by more than ``nms.iou_threshold``. ``score_thr`` is the head's, before, where it
    was traced with ``NO_THRESHOLD``.

    Args:
        graph: As :func:`~mmfusenas.apis.exporting.export_onnx` makes it, with the outputs ``boxes`` M x 4, ``scores`` M
            and ``labels`` M; changed.
        test_cfg: Of the detector, :func:`checked_nms`.

    Raises:
        ValueError: The head has no threshold.
    """
    from onnx import TensorProto, helper, numpy_helper

    _set_threshold(graph, test_cfg.get('score_thr', 0))
    limit, side = test_cfg.get('max_per_img', -1), test_cfg.get('min_bbox_size', -1)
    constants = dict(
        limit=np.int64([limit if limit > 0 else _ALL]), iou=np.float32([test_cfg['nms']['iou_threshold']]),
        least=np.float32([-0.5]), one=np.int64([1]), pixel=np.float32(1), box=np.int64(2), none=np.zeros((1, 4), 'f4'),
        boxes_shape=np.int64([1, -1, 4]), scores_shape=np.int64([1, 1, -1]), halves=np.int64([2, 2]),
        ones=np.int64([1, 1]), side=np.float32(side if side >= 0 else -np.inf), out=np.float32(-1))
    graph.graph.initializer.extend(numpy_helper.from_array(value, f'nms/{name}') for name, value in constants.items())
    _rename_candidates(graph)

    def add(operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        graph.graph.node.append(helper.make_node(operator, inputs, list(outputs), f'/nms/{outputs[0]}', **attributes))

    # A class in a place of its own, so that boxes of two classes do not overlap.
    add('Concat', ['all_boxes', 'nms/none'], 'nms/some', axis=0)  # there is no largest of no box
    add('ReduceMax', ['nms/some'], 'nms/largest', keepdims=0)
    add('Add', ['nms/largest', 'nms/pixel'], 'nms/place')
    add('Cast', ['all_labels'], 'nms/classes', to=TensorProto.FLOAT)
    add('Mul', ['nms/classes', 'nms/place'], 'nms/offsets')
    add('Unsqueeze', ['nms/offsets', 'nms/one'], 'nms/column')
    add('Add', ['all_boxes', 'nms/column'], 'nms/moved')
    add('Reshape', ['nms/moved', 'nms/boxes_shape'], 'nms/boxes')
    add('Split', ['all_boxes', 'nms/halves'], 'nms/from', 'nms/to', axis=1)
    add('Sub', ['nms/to', 'nms/from'], 'nms/sides')
    add('Split', ['nms/sides', 'nms/ones'], 'nms/width', 'nms/height', axis=1)
    add('Min', ['nms/width', 'nms/height'], 'nms/smaller')  # ReduceMin has its axes in two ways, by the opset
    add('Squeeze', ['nms/smaller', 'nms/one'], 'nms/shorter')
    add('Greater', ['nms/shorter', 'nms/side'], 'nms/large')
    add('Where', ['nms/large', 'all_scores', 'nms/out'], 'nms/able')
    add('Reshape', ['nms/able', 'nms/scores_shape'], 'nms/scores')
    add('NonMaxSuppression', ['nms/boxes', 'nms/scores', 'nms/limit', 'nms/iou', 'nms/least'], 'nms/kept')
    add('Gather', ['nms/kept', 'nms/box'], 'nms/places', axis=1)
    add('Gather', ['all_scores', 'nms/places'], 'nms/left')
    add('Shape', ['nms/left'], 'nms/number')
    add('TopK', ['nms/left', 'nms/number'], 'scores', 'nms/order', axis=0)
    add('Gather', ['nms/places', 'nms/order'], 'nms/best')
    for name in ('boxes', 'labels'):
        add('Gather', [f'all_{name}', 'nms/best'], name)
    for output in graph.graph.output:
        if output.name in _NAMES:
            output.type.tensor_type.shape.dim[0].dim_param = 'found'


def _rename_candidates(graph: ModelProto) -> None:
    """Call all candidates ``all_boxes`` and so on, for what is left of them to have their names."""
    from onnx import numpy_helper

    for node in graph.graph.node:
        for values in (node.input, node.output):
            values[:] = [f'all_{name}' if name in _NAMES else name for name in values]
        if node.op_type == 'Reshape' and 'all_boxes' in node.output:
            node.input[1] = 'nms/all_boxes_shape'  # mmdet's, M x -1, has no meaning where there is no box
            graph.graph.initializer.append(numpy_helper.from_array(np.int64([-1, 4]), node.input[1]))


def _set_threshold(graph: ModelProto, score_thr: float) -> None:
    """Put a threshold in the place of ``NO_THRESHOLD``."""
    from onnx import numpy_helper

    constants = [attribute.t for node in graph.graph.node if node.op_type == 'Constant'
                 for attribute in node.attribute if attribute.name == 'value']
    found = [tensor for tensor in (*constants, *graph.graph.initializer)
             if list(tensor.dims) in ([], [1]) and numpy_helper.to_array(tensor) == NO_THRESHOLD]
    if not found:
        raise InputError('The head of the detector compares no score with test_cfg.score_thr, so that a graph cannot '
                         'either. Export without suppression.')
    for tensor in found:
        old = numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(np.full_like(old, score_thr), tensor.name))
