"""Whole models as ONNX graphs: from the sensors' images to one, and what the task finds in it."""
from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from mmfusenas.apis.base_inferencer import SMALLEST
from mmfusenas.apis.onnx_detectors import DetectionGraph, PAAGraph, QueryGraph
from mmfusenas.apis.onnx_graphs import FusionGraph, GuidedGraph, SegmentationGraph, TaskGraph, pad_divisor
from mmfusenas.apis.onnx_nms import add_nms, checked_nms
from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.core.errors import InputError, StateError
from mmfusenas.core.files import atomic_write
from mmfusenas.models.task_guided import TaskGuided
from mmfusenas.utils.config_parts import type_name

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference to PyTorch that a file may have: images are in [0, 1], boxes in pixels."""

_EXPORTED = ('dense heads of mmdet, detectors of queries such as DETR and DINO, and Faster R-CNN are exported. Export '
             'the scene module alone, or use mmdeploy for the detector.')
_DEFORMABLE = ('mmcv.ops.deform_conv', 'mmcv.ops.modulated_deform_conv')
_STEP = 32
"""Dynamic sizes are tried at a larger one, of the same remainder: cells of several scales pad by what was traced."""


def size_divisor(model: nn.Module) -> int:
    """Return what the sides of images of a graph of any size are multiples of, where it does not take all of them."""
    return math.lcm(_STEP, pad_divisor(model.task.data_preprocessor) if isinstance(model, TaskGuided) else 1)


def fusion_graph(model: nn.Module) -> FusionGraph:
    """Return a model, made fast for inference, as the graph that is exported.

    Raises:
        ValueError: If the model makes no image or needs a kernel for it, or has a detector without a dense head, or
            a segmentor that labels in parts.
    """
    model = optimize_for_inference(model)
    if not isinstance(model, TaskGuided):
        if not hasattr(model, 'images'):
            raise InputError(f'{type(model).__name__} makes no image; only what does is exported.')
        if getattr(model, 'takes_kernel', False):
            raise InputError(f'{type(model).__name__} deblurs by a kernel of each image, which the graph of an '
                             'export does not have. Run it by tools/infer.py --kernel.')
        return (GuidedGraph if 'target' in model.sensors else FusionGraph)(model).eval()
    if hasattr(model.task, 'decode_head'):
        if (model.task.test_cfg or {}).get('mode') == 'slide':
            raise InputError(f'{type(model.task).__name__} labels in parts (test_cfg.mode is slide), and a graph '
                             'labels the whole image. Set model.task.test_cfg.mode to whole, and test it so before.')
        return SegmentationGraph(model).eval()
    return _detection_graph(model).eval()


def _detection_graph(model: nn.Module) -> DetectionGraph:
    """Return what is exported of a model with a detector.

    Raises:
        ValueError: It has no head of a kind that is exported.
    """
    task = model.task
    head = getattr(task, 'bbox_head', None)
    if hasattr(task, 'roi_head'):
        from mmfusenas.apis.onnx_two_stage import TwoStageGraph, is_exported  # of mmdet

        if is_exported(task):
            return TwoStageGraph(model)
    if hasattr(task, 'forward_transformer'):
        return QueryGraph(model)
    if hasattr(head, 'with_score_voting'):
        return PAAGraph(model)
    decode = None if hasattr(task, 'mask_head') else getattr(head, 'predict_by_feat', None)
    if not decode or 'with_nms' not in signature(decode).parameters:
        raise InputError(f'{type(task).__name__} has no head that is exported; {_EXPORTED}')
    return DetectionGraph(model)


def graph_properties(path: str | os.PathLike) -> dict[str, Any]:
    """Return the metadata of a file of :func:`export_onnx`."""
    import onnx

    properties = onnx.load(path, load_external_data=False).metadata_props
    return {entry.key: json.loads(entry.value) for entry in properties}


def export_onnx(model: nn.Module, path: str | os.PathLike, shape: tuple[int, int], dynamic: bool = False,
                nms: bool = False) -> float:
    """Write a model as an ONNX file, and compare it with PyTorch on random images.

    The metadata of the file has, in JSON, the names of a task's classes, ``classes``; what the sides of images of a
    graph of any size are multiples of, ``size_divisor``, 1 where it computes what the model does at any size; and,
    where the model says so, how files become images: ``loading`` (of ``LoadPairFromFile``) and ``bit_depth``. Of a
    detector they say whether the graph gives what is left after suppression, ``suppressed``, and what the detector does
    that the graph does not, ``left_out``: the score voting of PAA.

    Args:
        model: Fusion, enhancement or guided super-resolution, :class:`TaskGuidedDetector` or
            :class:`TaskGuidedSegmentor`, on the CPU.
        path: File to write: beside, then moved into place.
        shape: Height and width of the images.
        dynamic: Whether other sizes, of a network of several scales in steps of :func:`size_divisor`, are allowed
            too, and but for a detector other numbers of images; ``shape`` is what it is traced with.
        nms: Whether a detector suppresses boxes in the graph (:func:`~mmfusenas.apis.onnx_nms.add_nms`); one of
            queries (DETR) has none to suppress. Defaults to False: it gives all that is suppressed elsewhere.

    Returns:
        The largest difference between onnxruntime and PyTorch, over all outputs, of boxes before any is suppressed.

    Raises:
        ValueError: If the model cannot be exported, there is no detector to suppress boxes of, or a size is below
            3 x 3.
        RuntimeError: If the file does not compute what the model does; it is not kept.
    """
    graph, path = fusion_graph(model), Path(path)
    if nms and not isinstance(graph, DetectionGraph):
        raise InputError(f'{type(model).__name__} has no detector whose boxes could be suppressed.')
    test_cfg = checked_nms(graph.test_cfg) if nms and not graph.suppressed else None
    if nms:
        graph.by_confidence = graph.suppressed = True
    if min(shape) < SMALLEST:
        raise InputError(f'The images are {shape[0]} x {shape[1]}: an image needs at least {SMALLEST} x {SMALLEST} '
                         'pixels.')
    step = size_divisor(model)
    with atomic_write(path) as beside:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter('ignore')  # of traced sizes, which the comparison below looks at
            session = _write(graph, beside, shape, dynamic)
        difference = _difference(graph, session, shape)
        if dynamic:
            number = 1 if isinstance(graph, DetectionGraph) else 2
            larger = (shape[0] + 2 * step, shape[1] + step)
            try:
                difference = np.maximum(difference, _difference(graph, session, larger, number))
            except Exception as error:  # of onnxruntime, whose errors have no common base
                raise StateError(f'The exported graph does not run at {larger[0]} x {larger[1]}, so it is not kept. '
                                 'One of a fixed size may: give --shape H W.') from error
            step = 1 if _takes_any_size(graph, session, (larger[0] + 5, larger[1] + 3), number) else step
        if not difference <= TOLERANCE:
            raise StateError(f'The exported graph differs from the model by {difference:.2g}, so it is not kept.'
                             + dynamic * ' One of a fixed size may not: give --shape H W.')
        _finish(beside, dict(_properties(model, graph), size_divisor=step), test_cfg)
    return float(difference)


def _properties(model: nn.Module, graph: FusionGraph) -> dict[str, Any]:
    """Return what the graph has not in it: the names of the classes, and how files become its images."""
    steps = getattr(model, 'test_pipeline', None) or ()
    load = next((step for step in steps if type_name(step) == 'LoadPairFromFile'), {})
    found = dict(
        classes=list((getattr(model, 'dataset_meta', None) or {}).get('classes') or ()),
        loading={name: load[name] for name in ('resize', 'thermal', 'homography') if load.get(name) is not None},
        bit_depth=dict(getattr(model.data_preprocessor, 'bit_depth', {})),
        left_out=list(getattr(graph, 'left_out', ())))
    found = {name: value for name, value in found.items() if value}
    return dict(found, suppressed=graph.suppressed) if isinstance(graph, DetectionGraph) else found


def _write(graph: FusionGraph, path: Path, shape: tuple[int, int], dynamic: bool) -> InferenceSession:
    """Write the graph, and open what was written."""
    from onnxruntime import InferenceSession

    names = graph.scene.sensors
    axes = {name: graph.axes.get(name, graph.axes['image']) for name in (*names, *graph.outputs)} if dynamic else None
    opset, operators = _operators(graph)
    try:
        # Torch prints what it has of a graph that fails, thousands of lines.
        with operators, patch.object(torch._C, '_jit_onnx_log', lambda *_: None, create=True):
            torch.onnx.export(
                graph, tuple(graph.random(1, shape).values()), str(path), input_names=list(names),
                output_names=list(graph.outputs), opset_version=opset, dynamic_axes=axes, dynamo=False)
        return InferenceSession(str(path), providers=['CPUExecutionProvider'])
    except Exception as error:  # of mmdet, torch or onnxruntime, as the head has what a graph cannot hold
        if not isinstance(graph, TaskGraph) or isinstance(error, OSError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(graph, SegmentationGraph):
            raise InputError(f'{type(graph.task).__name__} cannot be exported ({reason}). '
                             + dynamic * 'One of a fixed size may be: give --shape H W, or export'
                             + (not dynamic) * 'Export' + ' the scene module alone.') from error
        head = getattr(graph.task, 'bbox_head', graph.task)
        raise InputError(f'{type(head).__name__} cannot be exported ({reason}); {_EXPORTED}') from error


def _operators(graph: FusionGraph) -> tuple[int, AbstractContextManager]:
    """Return the version of ONNX of a graph, and what knows its operators: few need more than those of torch."""
    if not any(type(module).__module__ in _DEFORMABLE or hasattr(module, 'deform_sampling')  # a function, of TOODHead
               for module in graph.modules()):
        return OPSET, nullcontext()
    from mmfusenas.apis.onnx_deformable import OPSET as deformable_opset  # of mmcv with operators
    from mmfusenas.apis.onnx_deformable import deformable_convolutions

    return deformable_opset, deformable_convolutions(graph)


def _takes_any_size(graph: FusionGraph, session: InferenceSession, shape: tuple[int, int], number: int) -> bool:
    """Return whether a graph computes what the model does at a size of another remainder than it was traced with."""
    try:
        return _difference(graph, session, shape, number) <= TOLERANCE
    except Exception:  # of onnxruntime, whose errors have no common base: maps of two sizes, say
        return False


def _finish(path: Path, properties: dict[str, Any], test_cfg: dict | None) -> None:
    """Add metadata to a file, as JSON, and the suppression of boxes where there is a ``test_cfg``."""
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in properties.items()})
    if test_cfg is not None:
        add_nms(model, test_cfg)
        onnx.checker.check_model(model)
    onnx.save(model, path)


@torch.no_grad()
def _difference(graph: FusionGraph, session: InferenceSession, shape: tuple[int, int], number: int = 1) -> float:
    images = graph.random(number, shape)
    expected = graph(*images.values())
    got = session.run(None, {name: image.numpy() for name, image in images.items()})
    expected = expected if isinstance(expected, tuple) else (expected,)
    got = [torch.from_numpy(output) for output in got]
    # As a tensor's maximum, which keeps NaN.
    differences = [(a - b).abs().max() for a, b in zip(got, expected) if a.is_floating_point() and a.dim() == 4]
    if isinstance(graph, DetectionGraph):
        differences += _differences_of_boxes(got[1:], expected[1:])
    return float(torch.stack(differences).max())


def _differences_of_boxes(got: Sequence[Tensor], expected: Sequence[Tensor], best: int = 100) -> list[Tensor]:
    """Return how far scores in their order lie apart, and the best boxes from the nearest of their class.

    What has nearly the same score may come in another order, and of the worst others may be left.
    """
    (boxes, scores, labels), (wanted, marks, classes) = got, expected
    number = min(len(scores), len(marks))  # one that is just at the threshold may be in one of the two
    if not number:
        return []
    order = marks.argsort(descending=True)[:min(best, number)]
    apart = (wanted[order, None] - boxes).abs().amax(2) + (marks[order, None] - scores).abs()
    apart = apart.masked_fill(classes[order, None] != labels, torch.inf)
    ranked = (values.sort(descending=True)[0][:number] for values in (scores, marks))
    return [torch.sub(*ranked).abs().max(), apart.amin(1).max()]
