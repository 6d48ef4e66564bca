"""ONNX graphs in int8: static quantisation, calibrated on images."""
from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmcv.transforms import Compose
from torch.nn import functional as F

from mmfusenas.apis.exported_model import RUNTIMES
from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.files import atomic_write
from mmfusenas.datasets.transforms import LoadPairFromFile, PackPairInputs
from mmfusenas.models.data_preprocessors import PairDataPreprocessor

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

WEIGHTED = ('Conv', 'MatMul')
QUANTIZED = (*WEIGHTED, 'Clip', 'Relu')
"""Operators in int8. With Clip and Relu the range of a convolution is what they leave of it: else most of the 256
levels are of values that they cut off."""
_SCALED = ('LeakyRelu', 'PRelu', 'Relu', 'Pad')
"""Operators that pass a positive factor of a channel on to what they give."""
_SPREAD = 10.0
"""Largest factor that brings a channel to the range of the largest. One that the images hardly use keeps so much room
for others in which it is larger."""
_DIVISOR = 32
_SENSORS = (['visible'], ['visible', 'infrared'])


def quantize_onnx(path: str | os.PathLike, out: str | os.PathLike, images: Iterable[Mapping[str, np.ndarray]],
                  keep_float: Sequence[str] = (), reduce_range: bool = False, runtime: str = 'onnxruntime') -> int:
    """Write an exported graph with its convolutions in int8.

    Activations are unsigned, with one scale a tensor, from the means over ``images`` of its smallest and its largest
    value; weights are signed, with one scale a channel. Between two convolutions the channels of a tensor are brought
    to one range before. The operators are float ones between ``QuantizeLinear`` and ``DequantizeLinear``, which
    onnxruntime and OpenVINO fuse. Convolutions over the channels, those of channel attention, stay in float: they cost
    nothing, and every pixel depends on them. Names, metadata, inputs and outputs stay.

    Args:
        path: Graph of :func:`~mmfusenas.apis.exporting.export_onnx`.
        out: File to write: beside, then moved into place.
        images: Inputs of the graph to calibrate on, see :func:`calibration_images`; all are held in memory.
        keep_float: Regular expressions, looked for in the names of convolutions and matrix products: those of layers
            that stay in float.
        reduce_range: Weights of 7 bit. Processors without VNNI add two products of 8 bit in 16 bit, where large ones
            saturate, in onnxruntime without a word; those of 7 bit do not. Defaults to False.
        runtime: What the graph is for. What a convolution is given is rounded to int8 for both. ``'onnxruntime'``
            computes in int8 only where what it gives is rounded too; ``'openvino'`` does not need that, which leaves
            less noise. Defaults to 'onnxruntime'.

    Returns:
        The number of convolutions and matrix products in int8.

    Raises:
        FileNotFoundError: There is no such graph.
        ValueError: It is no ONNX graph, in int8 already, or ``out``; nothing fits an expression, or everything; there
            is no image; another runtime.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    if runtime not in RUNTIMES:
        raise InputError(f'quantize_onnx got runtime={runtime!r}; it knows {" and ".join(RUNTIMES)}.')
    path, out = Path(path), Path(out)
    graph = read_onnx(path)
    if out.exists() and out.samefile(path):
        raise InputError(f'{out} would take the place of the graph that is quantised; choose another file to write.')
    if any(node.op_type == 'QuantizeLinear' for node in graph.graph.node):
        raise InputError(f'{path} is in int8 already: give the graph that export_onnx.py wrote.')
    quantized, excluded = _split_layers(graph, keep_float, path)
    _name_weights(graph)
    _drop_slopes(graph)
    images = list(images)
    reader = _Reader(images, path)
    _equalise(graph, images, quantized)
    with atomic_write(out) as beside:
        quantize_static(
            graph, str(beside), reader, quant_format=QuantFormat.QDQ, op_types_to_quantize=list(QUANTIZED),
            per_channel=True, reduce_range=reduce_range, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, nodes_to_exclude=excluded,
            extra_options=dict(CalibMovingAverage=True, OpTypesToExcludeOutputQuantization=(
                list(WEIGHTED) if runtime == 'openvino' else [])))
        _keep_metadata(beside, graph)
    return len(quantized)


def calibration_images(path: str | os.PathLike, samples: Iterable[Mapping[str, str]],
                       load: Mapping | None = None) -> Iterator[dict[str, np.ndarray]]:
    """Yield what a graph is given of image files.

    Images of another size than the graph has are brought to it; of a graph of any size, they lose what is more than a
    multiple of 32.

    Args:
        path: Graph.
        samples: ``img_path`` and, of pairs, ``infrared_path``.
        load: Arguments of :class:`LoadPairFromFile`, as the model's test data have them.

    Shape:
        ``visible`` 1 x 3 x H x W and, of a graph of pairs, ``infrared`` 1 x 1 x H x W, float32 in [0, 1].

    Raises:
        FileNotFoundError: There is no such graph.
        ValueError: It is no ONNX graph, or takes other inputs.
        ImageError: An image is missing or damaged.
    """
    inputs = {node.name: node.type.tensor_type.shape.dim for node in read_onnx(path).graph.input}
    if list(inputs) not in _SENSORS:
        raise InputError(f'{path} takes {", ".join(inputs)}; graphs of visible images, and of pairs of visible and '
                         'infrared ones, are quantised.')
    size = tuple(dim.dim_value for dim in inputs['visible'][2:])
    pipeline = Compose([LoadPairFromFile(**load or {}), PackPairInputs()])
    scale = PairDataPreprocessor()
    for sample in samples:
        packed = pipeline({key: sample[key] for key in ('img_path', 'infrared_path') if key in sample})
        if not packed['inputs'].keys() >= inputs.keys():
            raise InputError(f'{path} takes pairs, and {sample["img_path"]} is without its infrared image.')
        batch = scale(dict(inputs={name: [packed['inputs'][name]] for name in inputs},
                           data_samples=[packed['data_samples']]))['inputs']
        yield {name: _fitted(image, size).numpy() for name, image in batch.items()}


def read_onnx(path: str | os.PathLike) -> ModelProto:
    """Return an ONNX graph.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no ONNX graph.
    """
    import onnx

    if not Path(path).is_file():
        raise FileError(f'There is no graph {path}: write one by tools/deployment/export_onnx.py.')
    try:
        graph = onnx.load(path)
        onnx.checker.check_model(graph)
    except Exception as error:  # of protobuf, of the checker, of a file beside it
        raise InputError(f'{path} is no ONNX graph ({type(error).__name__}): write one by '
                         'tools/deployment/export_onnx.py.') from error
    return graph


class _Reader:
    """Images as onnxruntime's calibration asks for them: one at a time, then None."""

    def __init__(self, images: Iterable[Mapping[str, np.ndarray]], path: Path) -> None:
        self.images = iter(images)
        self.first = next(self.images, None)
        if self.first is None:
            raise InputError(f'There is no image to calibrate {path} on.')

    def get_next(self) -> Mapping[str, np.ndarray] | None:
        image, self.first = self.first, None
        return next(self.images, None) if image is None else image


def _split_layers(graph: ModelProto, keep_float: Sequence[str], path: Path) -> tuple[list[str], list[str]]:
    """Return the names of the layers with weights that are quantised, and of those that are not."""
    names = [node.name for node in graph.graph.node if node.op_type in WEIGHTED]
    for pattern in keep_float:
        if not any(re.search(pattern, name) for name in names):
            raise InputError(f'No layer of {path} fits {pattern!r}; its layers are {", ".join(names)}.')
    excluded = [name for name in names if any(re.search(pattern, name) for pattern in keep_float)]
    excluded += [name for name in _over_channels(graph) if name not in excluded]
    if len(excluded) == len(names):
        raise InputError(f'{path} has no layer left to quantise, of {len(names)}.')
    return [name for name in names if name not in excluded], excluded


def _over_channels(graph: ModelProto) -> list[str]:
    """Return the names of the convolutions of one dimension, see :class:`~mmfusenas.models.ops.ChannelAttention`."""
    dims = {tensor.name: len(tensor.dims) for tensor in graph.graph.initializer}
    dims.update({node.output[0]: dims[node.input[0]] for node in graph.graph.node
                 if node.op_type == 'Identity' and node.input[0] in dims})
    return [node.name for node in graph.graph.node if node.op_type == 'Conv' and dims.get(node.input[1]) == 3]


def _name_weights(graph: ModelProto) -> None:
    """Give layers that share weights the weights themselves: onnxruntime takes copies of them for activations."""
    weights = {tensor.name for tensor in graph.graph.initializer}
    copies = {node.output[0]: node.input[0] for node in graph.graph.node
              if node.op_type == 'Identity' and node.input[0] in weights}
    for node in graph.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = copies.get(name, name)
    kept = [node for node in graph.graph.node if not (node.output and node.output[0] in copies)]
    del graph.graph.node[:]
    graph.graph.node.extend(kept)


def _drop_slopes(graph: ModelProto) -> None:
    """Take out what Relu makes of no effect: a slope of negative values before it, of LeakyRelu or PRelu.

    So the levels of int8 are spent on what is left, and convolution and Relu are one layer.
    """
    from onnx.numpy_helper import to_array

    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    producers = {name: node for node in graph.graph.node for name in node.output}
    for node in graph.graph.node:
        before = producers.get(node.input[0]) if node.op_type == 'Relu' else None
        if before is None or before.op_type not in ('LeakyRelu', 'PRelu'):
            continue
        if before.op_type == 'LeakyRelu':
            slope = next((entry.f for entry in before.attribute if entry.name == 'alpha'), 0.01)
        else:
            slope = to_array(weights[before.input[1]]).min() if before.input[1] in weights else -1
        if slope >= 0:
            node.input[0] = before.input[0]
    used = {name for node in graph.graph.node for name in node.input} | {node.name for node in graph.graph.output}
    kept = [node for node in graph.graph.node if node.op_type not in ('LeakyRelu', 'PRelu') or node.output[0] in used]
    slopes = {name for node in graph.graph.node for name in node.input} - {name for node in kept for name in node.input}
    needed = [tensor for tensor in graph.graph.initializer if tensor.name not in slopes]
    for old, new in ((graph.graph.node, kept), (graph.graph.initializer, needed)):
        del old[:]
        old.extend(new)


def _equalise(graph: ModelProto, images: Sequence[Mapping[str, np.ndarray]], layers: Sequence[str]) -> None:
    """Bring the channels between two convolutions to one range, by factors in the weights of both.

    A tensor has one scale, which the largest channel sets; weights have one a channel, and are what costs little.
    """
    from onnx.numpy_helper import from_array, to_array

    found = list(_between_convolutions(graph, layers))
    if not found or any(entry.HasField('g') for node in graph.graph.node for entry in node.attribute):
        return  # a subgraph may use any tensor
    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    sizes = _channel_sizes(graph, [tensor for *_, tensor in found], images)
    for before, conv, tensor in found:
        largest = sizes[tensor].max()
        if not largest:
            continue
        factors = largest / np.maximum(sizes[tensor], largest / _SPREAD)
        groups = next((entry.i for entry in conv.attribute if entry.name == 'group'), 1)
        scaled = dict.fromkeys(before.input[1:], factors)
        scaled[conv.input[1]] = 1 / np.repeat(factors.reshape(groups, -1), weights[conv.input[1]].dims[0] // groups, 0)
        for name, by in scaled.items():
            values = to_array(weights[name])
            by = by.reshape(*by.shape, *[1] * (values.ndim - by.ndim))
            weights[name].CopyFrom(from_array((values * by).astype(values.dtype), name))


def _between_convolutions(graph: ModelProto, layers: Sequence[str]) -> Iterator[tuple[NodeProto, NodeProto, str]]:
    """Yield a convolution, the next one, and the tensor between them that int8 is of; both have weights of their own.

    Next is one of ``layers`` which alone gets, unbranched, what the first gives, by operators that pass factors on.
    """
    weights = {tensor.name for tensor in graph.graph.initializer}
    producers = {name: node for node in graph.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.graph.initializer}
    constants.update((node.output[0], entry.t) for node in graph.graph.node if node.op_type == 'Constant'
                     for entry in node.attribute if entry.name == 'value')
    uses = Counter(name for node in graph.graph.node for name in node.input)
    uses.update(output.name for output in graph.graph.output)

    def own(conv: NodeProto) -> bool:
        return conv.op_type == 'Conv' and all(name in weights and uses[name] == 1 for name in conv.input[1:])

    for conv in graph.graph.node:
        if conv.name not in layers or not own(conv):
            continue
        tensor, cut = conv.input[0], None
        while uses[tensor] == 1 and tensor in producers:
            before = producers[tensor]
            if not _passes_factors(before, constants):
                if own(before):
                    yield before, conv, cut or tensor
                break
            cut = tensor if before.op_type == 'Relu' else None  # in the end: whether Relu follows at once
            tensor = before.input[0]


def _passes_factors(node: NodeProto, constants: Mapping[str, TensorProto]) -> bool:
    """Return whether an operator gives a channel times a factor for that channel times it."""
    from onnx.numpy_helper import to_array

    if node.op_type != 'Pad':
        return node.op_type in _SCALED
    pads, value = (to_array(constants[name]) if name in constants else None for name in [*node.input[1:], '', ''][:2])
    if pads is None or pads.reshape(2, -1)[:, 1].any():  # of channels that no convolution gave
        return False
    mode = next((entry.s for entry in node.attribute if entry.name == 'mode'), b'constant')
    return mode != b'constant' or not any(node.input[2:3]) or value is not None and not value.any()


def _channel_sizes(graph: ModelProto, tensors: Sequence[str],
                   images: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the largest magnitude in each channel of some tensors, in the mean over images."""
    from onnx import ModelProto, helper
    from onnxruntime import InferenceSession

    watched = ModelProto()
    watched.CopyFrom(graph)
    names = [f'{tensor}_size' for tensor in tensors]
    for tensor, name in zip(tensors, names):
        watched.graph.node.extend([helper.make_node('Abs', [tensor], [f'{name}_of']),
                                   helper.make_node('GlobalMaxPool', [f'{name}_of'], [name])])
        watched.graph.output.append(helper.make_empty_tensor_value_info(name))
    session = InferenceSession(watched.SerializeToString(), providers=['CPUExecutionProvider'])
    found = [[sizes.max(0).ravel() for sizes in session.run(names, dict(image))] for image in images]
    return {tensor: np.mean(sizes, 0) for tensor, sizes in zip(tensors, zip(*found))}


def _fitted(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return an image N x C x H x W in the size of a graph, of which a side is 0 where it may be any."""
    if not all(size):
        height, width = (max(_DIVISOR, side // _DIVISOR * _DIVISOR) for side in image.shape[-2:])
        return image[..., :height, :width]
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size, mode='bilinear', antialias=True)


def _keep_metadata(path: Path, graph: ModelProto) -> None:
    """Give the graph in a file the metadata of another."""
    import onnx

    written = onnx.load(path)
    onnx.helper.set_model_props(written, {entry.key: entry.value for entry in graph.metadata_props})
    onnx.save(written, path)
