"""Whole models as ONNX graphs: from the sensors' images to one, and what the task finds in it."""
from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from mmfusenas.apis.base_inferencer import SMALLEST
from mmfusenas.apis.onnx_nms import NO_THRESHOLD, add_nms, checked_nms
from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.core.errors import InputError, StateError
from mmfusenas.core.files import atomic_write
from mmfusenas.models.task_guided import TaskGuided, task_input
from mmfusenas.utils.config_parts import type_name
from mmfusenas.utils.sensors import random_inputs

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference to PyTorch that a file may have: images are in [0, 1], boxes in pixels."""

_EXPORTED = ('dense heads of mmdet are exported, such as those of RetinaNet, SSD, ATSS, FCOS, GFL, YOLOX and RTMDet. '
             'Export the scene module alone, or use mmdeploy for the detector.')
_STEP = 32
"""Dynamic sizes are tried at a larger one, of the same remainder: cells of several scales pad by what was traced."""


class FusionGraph(nn.Module):
    """The sensors' images in [0, 1] to the scene module's BGR image in [0, 1].

    Args:
        model: A scene module (fusion, enhancement).

    Shape:
        ``visible`` N x 3 x H x W and, of a pair, ``infrared`` N x 1 x H x W, to ``image`` N x 3 x H x W.
    """

    outputs = ('image',)
    axes = dict(image={0: 'images', 2: 'height', 3: 'width'})

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.scene = model

    def forward(self, *images: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.scene.images(dict(zip(self.scene.sensors, images, strict=True)))['image'].clamp(0, 1)

    def random(self, number: int, shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return random images of the sensors, the same each time."""
        inputs = random_inputs(self.scene, shape, number)
        return {name: inputs[name] for name in self.scene.sensors}


class GuidedGraph(FusionGraph):
    """Guide in [0, 1] and target, enlarged and scaled to [0, 1] of its range, to the target in high resolution.

    Shape:
        ``guide`` N x G x H x W and ``target`` N x T x H x W, to ``restored`` N x T x H x W, scaled as the target and
        not clamped.
    """

    outputs = ('restored',)

    def forward(self, *images: Tensor) -> Tensor:
        return self.scene.images(dict(zip(self.scene.sensors, images, strict=True)))['restored']


class _TaskGraph(FusionGraph):
    """The same, and the task on what it sees, normalised and padded as its own preprocessor does."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model.scene)
        self.task, self.seen = model.task, model.seen
        preprocessor = self.task.data_preprocessor
        self.divisor = _pad_divisor(preprocessor)
        self.pad_value = float(getattr(preprocessor, 'pad_value', getattr(preprocessor, 'pad_val', 0)))

    def image_and_input(self, images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused image, and what the task sees, normalised and padded."""
        inputs = dict(zip(self.scene.sensors, images, strict=True))
        made = self.scene.images(inputs)
        seen = task_input(self.task, self.seen(made, inputs).clamp(0, 1))
        if self.divisor > 1:
            down, right = (-side % self.divisor for side in seen.shape[-2:])  # in a trace values of the graph
            seen = nn.functional.pad(seen, (0, right, 0, down), value=self.pad_value)
        return made['image'].clamp(0, 1), seen


class DetectionGraph(_TaskGraph):
    """The fused image, and the boxes, scores and classes of what a dense head of mmdet takes for objects; of one pair.

    Head and coder decode themselves (``predict_by_feat``): of each level the ``nms_pre`` best of ``test_cfg``, whatever
    their scores, so that there are as many of every image. :func:`~mmfusenas.apis.onnx_nms.add_nms` puts the head's
    ``score_thr`` in the place of ``NO_THRESHOLD``: a trace in which no score is above it would have no decoding.
    ``by_confidence`` is whether ``conf_thr`` holds. None is suppressed yet.

    Shape:
        ``boxes`` M x 4 (x1, y1, x2, y2 in pixels), ``scores`` M in [0, 1], ``labels`` M, int64.
    """

    outputs = ('image', 'boxes', 'scores', 'labels')
    axes = dict(image={2: 'height', 3: 'width'}, boxes={0: 'found'}, scores={0: 'found'}, labels={0: 'found'})
    by_confidence = False

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        image, seen = self.image_and_input(images)
        levels = self.task(seen, mode='tensor')
        shape = tuple(image.shape[-2:])  # in a trace these are values of the graph
        meta = dict(img_shape=shape, ori_shape=shape, pad_shape=shape, scale_factor=(1.0, 1.0))
        cfg = ConfigDict(self.task.test_cfg or {}, min_bbox_size=-1, score_thr=NO_THRESHOLD)
        if not self.by_confidence:
            cfg.update(conf_thr=-1.0)
        with _as_outside_an_export():
            found, = self.task.bbox_head.predict_by_feat(
                *levels, batch_img_metas=[meta], cfg=cfg, rescale=False, with_nms=False)
        return image, found.bboxes, found.scores, found.labels


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


class SegmentationGraph(_TaskGraph):
    """The fused image, and the scores of every class at every pixel.

    The heads predict by themselves, of the whole image (``encode_decode``). One score a pixel, that of a head of two
    classes with ``out_channels=1``, becomes two, of which the second is larger above the head's ``threshold``.

    Shape:
        ``logits`` N x classes x H x W.
    """

    outputs = ('image', 'logits')

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        for module in list(self.task.modules()):
            for name, child in module._modules.items():  # also one that is there twice
                if isinstance(child, nn.AdaptiveAvgPool2d) and _pair(child.output_size) != (1, 1):
                    setattr(module, name, _PooledInCells(_pair(child.output_size)))

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        image, seen = self.image_and_input(images)
        height, width = image.shape[-2:]
        size = tuple(seen.shape[-2:])  # in a trace these are values of the graph
        logits = self.task.encode_decode(seen, [dict(img_shape=size, pad_shape=size)])[..., :height, :width]
        if self.task.out_channels == 1:
            threshold = torch.logit(torch.tensor(float(self.task.decode_head.threshold)))
            logits = torch.cat([threshold.expand_as(logits), logits], 1)
        return image, logits


class _PooledInCells(nn.Module):
    """Adaptive average pooling cell by cell: ONNX has none into cells of unequal size, as PSPNet's.

    The cells are those of the size that is traced. ``output_size`` is rows and columns; None is as many as there are.
    """

    def __init__(self, output_size: tuple[int | None, int | None]) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        for dim, cells in zip((-2, -1), self.output_size):
            side = int(x.shape[dim])
            cells = cells or side
            bounds = [(side * cell // cells, math.ceil(side * (cell + 1) / cells)) for cell in range(cells)]
            x = torch.cat([x.narrow(dim, low, high - low).mean(dim, keepdim=True) for low, high in bounds], dim)
        return x


def _pad_divisor(preprocessor: nn.Module) -> int:
    """Return what a prediction's sides are padded to a multiple of; mmseg does so only where `test_cfg` says it."""
    if hasattr(preprocessor, 'test_cfg'):
        return int((preprocessor.test_cfg or {}).get('size_divisor') or 1)
    return int(getattr(preprocessor, 'pad_size_divisor', None) or 1)


def size_divisor(model: nn.Module) -> int:
    """Return what the sides of images of a graph of any size are multiples of, where it does not take all of them."""
    return math.lcm(_STEP, _pad_divisor(model.task.data_preprocessor) if isinstance(model, TaskGuided) else 1)


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
    decode = getattr(getattr(model.task, 'bbox_head', None), 'predict_by_feat', None)
    if decode is None or 'with_nms' not in signature(decode).parameters:
        raise InputError(f'{type(model.task).__name__} has no head that is exported; {_EXPORTED}')
    return DetectionGraph(model).eval()


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
    where the model says so, how files become images: ``loading`` (of ``LoadPairFromFile``) and ``bit_depth``.

    Args:
        model: Fusion, enhancement or guided super-resolution, :class:`TaskGuidedDetector` or
            :class:`TaskGuidedSegmentor`, on the CPU.
        path: File to write: beside, then moved into place.
        shape: Height and width of the images.
        dynamic: Whether other sizes, of a network of several scales in steps of :func:`size_divisor`, are allowed
            too, and but for a detector other numbers of images; ``shape`` is what it is traced with.
        nms: Whether a detector suppresses boxes in the graph (:func:`~mmfusenas.apis.onnx_nms.add_nms`). Defaults to
            False: it gives all that is suppressed elsewhere.

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
    test_cfg = checked_nms(graph.task.test_cfg) if nms else None
    graph.by_confidence = nms
    if min(shape) < SMALLEST:
        raise InputError(f'The images are {shape[0]} x {shape[1]}: an image needs at least {SMALLEST} x {SMALLEST} '
                         'pixels.')
    step = size_divisor(model)
    with atomic_write(path) as beside:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter('ignore')  # of traced sizes, which the comparison below looks at
            _write(graph, beside, shape, dynamic)
        difference = _difference(graph, beside, shape)
        if dynamic:
            number = 1 if isinstance(graph, DetectionGraph) else 2
            larger = (shape[0] + 2 * step, shape[1] + step)
            difference = np.maximum(difference, _difference(graph, beside, larger, number))
            step = 1 if _takes_any_size(graph, beside, (larger[0] + 5, larger[1] + 3), number) else step
        if not difference <= TOLERANCE:
            raise StateError(f'The exported graph differs from the model by {difference:.2g}, so it is not kept.'
                             + dynamic * ' One of a fixed size may not: give --shape H W.')
        _finish(beside, dict(_properties(model), size_divisor=step), test_cfg)
    return float(difference)


def _properties(model: nn.Module) -> dict[str, Any]:
    """Return what the graph has not in it: the names of the classes, and how files become its images."""
    steps = getattr(model, 'test_pipeline', None) or ()
    load = next((step for step in steps if type_name(step) == 'LoadPairFromFile'), {})
    found = dict(
        classes=list((getattr(model, 'dataset_meta', None) or {}).get('classes') or ()),
        loading={name: load[name] for name in ('resize', 'thermal', 'homography') if load.get(name) is not None},
        bit_depth=dict(getattr(model.data_preprocessor, 'bit_depth', {})))
    return {name: value for name, value in found.items() if value}


def _write(graph: FusionGraph, path: Path, shape: tuple[int, int], dynamic: bool) -> None:
    """Write the graph, and open what was written."""
    names = graph.scene.sensors
    axes = {name: graph.axes.get(name, graph.axes['image']) for name in (*names, *graph.outputs)} if dynamic else None
    try:
        torch.onnx.export(
            graph, tuple(graph.random(1, shape).values()), str(path), input_names=list(names),
            output_names=list(graph.outputs), opset_version=OPSET, dynamic_axes=axes, dynamo=False)
        _session(path)
    except Exception as error:  # of mmdet, torch or onnxruntime, as the head has what a graph cannot hold
        if not isinstance(graph, _TaskGraph) or isinstance(error, OSError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(graph, SegmentationGraph):
            raise InputError(f'{type(graph.task).__name__} cannot be exported ({reason}). Export the scene module '
                             'alone.') from error
        raise InputError(f'{type(graph.task.bbox_head).__name__} cannot be exported ({reason}); {_EXPORTED}') from error


def _takes_any_size(graph: FusionGraph, path: Path, shape: tuple[int, int], number: int) -> bool:
    """Return whether a graph computes what the model does at a size of another remainder than it was traced with."""
    try:
        return _difference(graph, path, shape, number) <= TOLERANCE
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
def _difference(graph: FusionGraph, path: Path, shape: tuple[int, int], number: int = 1) -> float:
    images = graph.random(number, shape)
    expected = graph(*images.values())
    got = _session(path).run(None, {name: image.numpy() for name, image in images.items()})
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


def _session(path: Path) -> InferenceSession:
    from onnxruntime import InferenceSession

    return InferenceSession(str(path), providers=['CPUExecutionProvider'])
