"""An exported graph in the place of the model that it was made of."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from mmfusenas.core.errors import InputError, MissingPackageError
from mmfusenas.datasets.transforms.load_pair import LoadPairFromFile
from mmfusenas.models.scene.base_scene import BaseScene

RUNTIMES = ('onnxruntime', 'openvino')
"""What runs a graph."""
MOST = 1024
"""Largest number that sides of images are padded to multiples of."""
Run = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


class ExportedModel(BaseScene):
    """An ONNX file that ``tools/deployment/export_onnx.py`` wrote, on the CPU, as a model for an inferencer.

    ``FusionInferencer('detector.onnx')`` makes one. A detector's graph has to suppress its boxes by itself
    (``export_onnx.py --nms``). A graph of one size takes images of that size alone; one of any size gets its images
    padded to multiples of what it was traced for, by their last rows and columns, and what comes of the padding is cut
    off.

    Args:
        path: The file, also one of ``quantize_onnx.py``.
        runtime: What runs it: ``'onnxruntime'`` or ``'openvino'``, with as many threads as torch has. Defaults to
            'onnxruntime'.

    Raises:
        ImportError: The runtime, or onnx, is not installed.
        ValueError: Another runtime, no ONNX file, metadata that ``export_onnx`` does not write, inputs that are no
            visible and infrared images, or a detector that does not suppress its boxes; called: images of another size
            than the graph's.
    """

    def __init__(self, path: str | Path, runtime: str = 'onnxruntime') -> None:
        if runtime not in RUNTIMES:
            raise InputError(f'ExportedModel got runtime={runtime!r}; it knows {" and ".join(RUNTIMES)}.')
        graph, properties = _read(path)
        _check_properties(path, properties)
        super().__init__(data_preprocessor=dict(
            type='mmfusenas.PairDataPreprocessor', bit_depth=properties.get('bit_depth')))
        self.path = str(path)
        self.dataset_meta = dict(classes=tuple(properties['classes'])) if 'classes' in properties else {}
        self.test_pipeline = [dict(properties.get('loading', {}), type='LoadPairFromFile')]
        self.divisor = properties.get('size_divisor', 32)  # of files from before it was stored
        self.sensors = tuple(value.name for value in graph.input)
        self.outputs = tuple(value.name for value in graph.output)
        if self.sensors not in (('visible', 'infrared'), ('visible', )) or 'image' not in self.outputs:
            raise InputError(f'{path} goes from {", ".join(self.sensors)} to {", ".join(self.outputs)}; what is run '
                             'here makes image of visible, or of visible and infrared, as export_onnx.py writes it.')
        suppresses = any(node.op_type == 'NonMaxSuppression' for node in graph.node)
        if 'boxes' in self.outputs and not properties.get('suppressed', suppresses):  # not said in files from before
            raise InputError(f'{path} gives every candidate for a box. Export it again with --nms, so that it '
                             'suppresses them by itself.')
        sides = graph.input[0].type.tensor_type.shape.dim
        if len(sides) != 4:
            raise InputError(f'{path} takes {self.sensors[0]} of {len(sides)} dimensions; images have N x C x H x W.')
        height, width = sides[2:]
        self.size = (height.dim_value, width.dim_value) if height.dim_value and width.dim_value else None
        self.has_task = len(self.outputs) > 1
        self.segments = 'logits' in self.outputs
        self.run = open_graph(self.path, runtime)

    def __deepcopy__(self, memo: dict) -> Self:
        """Return itself: nothing in it changes, and a session cannot be copied."""
        return self

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs of the graph for one pair: ``image``, and what its task found.

        Shape:
            ``visible`` 1 x 3 x H x W and ``infrared`` 1 x 1 x H x W, to ``image`` 1 x 3 x H x W; ``boxes`` N x 4
            (pixels), ``scores`` and ``labels`` N; or ``logits`` 1 x classes x H x W.
        """
        height, width = size = tuple(inputs['visible'].shape[2:])
        if self.size and size != self.size:
            raise InputError(f'{self.path} takes images of {self.size[1]} x {self.size[0]}, and this one is '
                             f'{width} x {height} (width x height). Bring them to that size, or export a graph of '
                             'theirs: export_onnx.py --shape H W, or --shape dynamic for any.')
        padding = (0, 0) if self.size else tuple(-side % self.divisor for side in size)
        padded = {name: F.pad(inputs[name], (0, padding[1], 0, padding[0]), mode='replicate').contiguous().numpy()
                  for name in self.sensors}
        found = {name: torch.from_numpy(value) for name, value in self.run(padded).items()}
        return {name: value[..., :height, :width] if name in ('image', 'logits') else value
                for name, value in found.items()}

    def predict(self, images: dict[str, Tensor], data_samples: list) -> list:
        """Return the sample of one pair with ``pred_img``, and ``pred_instances`` or ``pred_sem_seg``."""
        sample, = super().predict(images, data_samples)
        if 'boxes' in images:
            sample.pred_instances = InstanceData(
                bboxes=images['boxes'], scores=images['scores'], labels=images['labels'])
        elif 'logits' in images:
            sample.pred_sem_seg = PixelData(data=images['logits'].argmax(1))
        return [sample]


def _read(path: str | Path) -> tuple[Any, dict[str, Any]]:
    """Return the graph of a file and its metadata."""
    try:
        import onnx
    except ImportError as error:
        raise _missing('onnx') from error
    try:
        model = onnx.load(path, load_external_data=False)
        return model.graph, {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    except FileNotFoundError:
        raise
    except Exception as error:  # of protobuf, which has no common base
        raise InputError(f'{path} is no ONNX file of export_onnx.py ({error}).') from error


def _check_properties(path: str | Path, properties: Mapping[str, Any]) -> None:
    """Raise an InputError where the metadata of a file are not as ``export_onnx`` writes them."""
    classes, divisor = properties.get('classes', []), properties.get('size_divisor', 1)
    loading, depths = properties.get('loading', {}), properties.get('bit_depth', {})
    fits = dict(
        classes=isinstance(classes, list) and all(isinstance(name, str) for name in classes),
        size_divisor=_is_whole(divisor, MOST),
        loading=isinstance(loading, dict) and set(loading) <= {'resize', 'thermal', 'homography'},
        bit_depth=isinstance(depths, dict) and all(_is_whole(depth, 16) for depth in depths.values()),
        suppressed=isinstance(properties.get('suppressed', False), bool))
    wrong = next((name for name, good in fits.items() if not good), None)
    try:
        if not wrong:
            LoadPairFromFile(**loading)
            thermal = loading.get('thermal') or {}
            np.array([*(thermal.get('limits') or ()), *(thermal.get('percentiles') or ())], dtype=float)
    except (AttributeError, TypeError, ValueError):
        wrong = 'loading'
    if wrong:
        raise InputError(f'{path} has {wrong}={str(properties[wrong])[:80]} in its metadata, which export_onnx.py does '
                         'not write. Export it again.')


def _is_whole(value: object, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def exported_model(path: str | Path, checkpoint: str | Path | None, device: str | None) -> ExportedModel:
    """Return the model of an ONNX file; raise a ValueError where a checkpoint or another device is given with it."""
    if checkpoint or device not in (None, 'cpu'):
        raise InputError(f'{path} has its weights in it and runs on the CPU: give neither a checkpoint nor a device.')
    return ExportedModel(path)


def _missing(package: str) -> MissingPackageError:
    return MissingPackageError(f"ONNX files need {package}: pip install -e '.[deploy]' in the checkout.")


def open_graph(path: str, runtime: str) -> Run:
    """Return an ONNX file as a function from its inputs by name to its outputs; inputs that it has not are left out.

    Raises:
        ImportError: The runtime is not installed.
        ValueError: The runtime does not take the file.
    """
    return (_openvino if runtime == 'openvino' else _onnxruntime)(path)


def _onnxruntime(path: str) -> Run:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing('onnxruntime') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    try:
        session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime's own errors have no common base
        raise InputError(f'onnxruntime does not run {path} ({error}).') from error
    names, taken = ([value.name for value in values] for values in (session.get_outputs(), session.get_inputs()))
    return lambda inputs: dict(zip(names, session.run(names, {name: inputs[name] for name in taken}), strict=True))


def _openvino(path: str) -> Run:
    try:
        from openvino import Core
        from openvino.frontend.onnx import ConversionExtension
    except ImportError as error:
        raise _missing('openvino') from error
    core = Core()
    core.add_extension(ConversionExtension('DeformConv', _deformable_convolution))
    try:  # in float32: it would take bfloat16 by itself
        compiled = core.compile_model(
            path, 'CPU', dict(INFERENCE_NUM_THREADS=torch.get_num_threads(), INFERENCE_PRECISION_HINT='f32'))
    except Exception as error:
        raise InputError(f'OpenVINO does not run {path} ({error}).') from error

    taken = [port.any_name for port in compiled.inputs]

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        result = compiled({name: inputs[name] for name in taken})
        return {port.any_name: np.array(result[port]) for port in compiled.outputs}

    return run


def _deformable_convolution(node: Any) -> list[Any]:
    """Return the outputs of a ``DeformConv`` of ONNX as OpenVINO's operator, which its reader of ONNX does not know."""
    from openvino import opset8

    maps, weight, offset, *rest = (node.get_input(place) for place in range(node.get_input_size()))
    pads = node.get_attribute('pads')
    found = opset8.deformable_convolution(
        maps, offset, weight, node.get_attribute('strides'), pads[:2], pads[2:], node.get_attribute('dilations'),
        rest[1] if rest else None, group=node.get_attribute('group'),
        deformable_group=node.get_attribute('offset_group'), bilinear_interpolation_pad=True)
    if rest:  # a bias, and a mask with it
        found = opset8.add(found, opset8.reshape(rest[0], np.int64([1, -1, 1, 1]), special_zero=False))
    return found.outputs()
