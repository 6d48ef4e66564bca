"""Graphs in int8: what is in it and what stays, ranges of the images that it is calibrated on, and other runtimes."""
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip('onnx')
InferenceSession = pytest.importorskip('onnxruntime').InferenceSession

from mmfusenas.apis.exported_model import open_graph  # noqa: E402
from mmfusenas.apis.exporting import export_onnx  # noqa: E402
from mmfusenas.apis.loading import load_model  # noqa: E402
from mmfusenas.apis.quantizing import calibration_images, quantize_onnx  # noqa: E402
from mmfusenas.core.errors import UserError  # noqa: E402
from mmfusenas.models.scene import TIMFusion  # noqa: E402


@pytest.fixture
def samples(tmp_path):
    """Pairs in files."""
    rng, found = np.random.default_rng(0), []
    for number in range(3):
        sample = dict(img_path=f'{tmp_path}/vi{number}.png', infrared_path=f'{tmp_path}/ir{number}.png')
        for path, shape in zip(sample.values(), ((40, 48, 3), (40, 48))):
            cv2.imwrite(path, cv2.GaussianBlur(rng.integers(0, 256, shape, np.uint8), (5, 5), 0))
        found.append(sample)
    return found


@pytest.fixture
def fusion(tmp_path):
    """The graph of a fusion network, with metadata."""
    path = tmp_path / 'float.onnx'
    export_onnx(load_model('tim-light', device='cpu'), path, (40, 48))
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, dict(classes='a,b'))
    onnx.save(graph, path)
    return path


def saved(path, inputs, outputs, nodes, weights, numbers=None):
    """Save a graph of nodes."""
    def values(shapes):
        return [onnx.helper.make_tensor_value_info(item[0], onnx.TensorProto.FLOAT, item[1]) for item in shapes.items()]
    graph = onnx.helper.make_graph(nodes, 'g', values(inputs), values(outputs), [
        *(onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()),
        *(onnx.numpy_helper.from_array(value, name) for name, value in (numbers or {}).items())])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8), path)
    return path


def quantized(path, out, images, **options):
    """Quantise with weights of 7 bit: onnxruntime's sums of those of 8 saturate on processors without VNNI."""
    return quantize_onnx(path, out, images, reduce_range=True, **options)


def onnxruntime(path, inputs):
    return InferenceSession(str(path), providers=['CPUExecutionProvider']).run(None, inputs)


def test_convolutions_are_int8_and_the_image_stays(fusion, samples, tmp_path):
    number = quantized(fusion, tmp_path / 'int8.onnx', calibration_images(fusion, samples))
    before, after = onnx.load(fusion), onnx.load(tmp_path / 'int8.onnx')
    convs = [node for node in before.graph.node if node.op_type == 'Conv']
    assert number == sum('attention' not in node.name for node in convs) > 10
    assert len(convs) > number  # those over the channels
    weights = {tensor.name: tensor.data_type for tensor in after.graph.initializer}
    producers = {node.output[0]: node for node in after.graph.node}
    for node in after.graph.node:
        if node.op_type == 'Conv' and 'attention' not in node.name:
            image, weight = (producers[name] for name in node.input[:2])
            assert image.op_type == weight.op_type == 'DequantizeLinear'
            assert weights[weight.input[0]] == onnx.TensorProto.INT8
    assert {entry.key: entry.value for entry in after.metadata_props} == dict(classes='a,b')
    inputs = next(calibration_images(fusion, samples[:1]))
    (first, ), (second, ) = (onnxruntime(path, inputs) for path in (fusion, tmp_path / 'int8.onnx'))
    assert first.std() > 0.01 and 0 < np.abs(first - second).mean() < 0.1 * first.std()
    assert not list(tmp_path.glob('*.partial'))


@pytest.mark.parametrize('reduce_range, levels', [(False, 127), (True, 64)])
def test_one_scale_a_channel_of_the_weights_and_one_of_the_images_range(tmp_path, reduce_range, levels):
    weights = np.stack([np.full((3, 1, 1), size) for size in (0.01, 1.0)])
    path = saved(tmp_path / 'a.onnx', dict(visible=[1, 3, 4, 4]), dict(y=[1, 2, 4, 4]),
                 [onnx.helper.make_node('Conv', ['visible', 'w'], ['y'], name='conv')], dict(w=weights))
    images = [dict(visible=np.full((1, 3, 4, 4), value, np.float32)) for value in (0.25, 0.5)]
    quantize_onnx(path, tmp_path / 'b.onnx', images, reduce_range=reduce_range)
    values = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(tmp_path / 'b.onnx').graph.initializer}
    np.testing.assert_allclose(values['w_scale'], [0.01 / levels, 1 / levels], rtol=1e-5)
    np.testing.assert_allclose(values['visible_scale'], 0.375 / 255, rtol=1e-5)  # from zero to the mean of the largest
    got, = onnxruntime(tmp_path / 'b.onnx', images[0])
    if reduce_range or 'vnni' in Path('/proc/cpuinfo').read_text():  # else the sum of 8 bit saturates
        np.testing.assert_allclose(got[0, :, 0, 0], [0.0075, 0.75], atol=0.75 / levels)


def test_the_range_of_a_layer_is_that_after_its_clip(tmp_path):
    path = saved(tmp_path / 'a.onnx', dict(visible=[1, 1, 2, 2]), dict(y=[1, 1, 2, 2]), [
        onnx.helper.make_node('Conv', ['visible', 'w'], ['x'], name='conv'),
        onnx.helper.make_node('Clip', ['x', 'low', 'high'], ['y'], name='clip')],
        dict(w=np.full((1, 1, 1, 1), 100.0), low=np.array(0.0), high=np.array(6.0)))
    quantize_onnx(path, tmp_path / 'b.onnx', [dict(visible=np.float32([[[[-1, 0], [0.03, 1]]]]))])
    scales = [float(onnx.numpy_helper.to_array(t)) for t in onnx.load(tmp_path / 'b.onnx').graph.initializer
              if t.name in ('x_scale', 'y_scale')]
    np.testing.assert_allclose(scales, 6 / 255, rtol=1e-5)  # not 200 / 255


def test_layers_that_share_weights_are_in_int8_all(tmp_path):
    nodes = [onnx.helper.make_node('Identity', ['w'], ['copy']),
             onnx.helper.make_node('Conv', ['visible', 'w'], ['x'], name='first'),
             onnx.helper.make_node('Conv', ['x', 'copy'], ['y'], name='second')]
    path = saved(tmp_path / 'a.onnx', dict(visible=[1, 1, 2, 2]), dict(y=[1, 1, 2, 2]), nodes,
                 dict(w=np.full((1, 1, 1, 1), 0.5)))
    assert quantize_onnx(path, tmp_path / 'b.onnx', [dict(visible=np.ones((1, 1, 2, 2), np.float32))]) == 2
    after = onnx.load(tmp_path / 'b.onnx').graph
    assert Counter(tensor.data_type for tensor in after.initializer)[onnx.TensorProto.INT8] >= 1
    assert not any(node.op_type == 'Identity' for node in after.node)
    weights = {node.input[1] for node in after.node if node.op_type == 'Conv'}
    kinds = {tensor.name: tensor.data_type for tensor in after.initializer}
    for node in after.node:
        if node.output[0] in weights:
            assert kinds[node.input[0]] == onnx.TensorProto.INT8


@pytest.mark.parametrize('kind, slope, goes', [
    ('LeakyRelu', 0.2, True), ('LeakyRelu', -0.2, False), ('PRelu', [0.1, 0.2], True), ('PRelu', [0.1, -0.2], False)])
def test_a_slope_that_relu_takes_away_goes(tmp_path, kind, slope, goes):
    weights = dict(w=np.float32([[[[1]]], [[[-1]]]]))
    if kind == 'PRelu':
        weights['slope'] = np.float32(slope).reshape(2, 1, 1)
    node = onnx.helper.make_node(kind, ['x', 'slope'][:len(weights)], ['z'], name='slope',
                                 **{'alpha': slope} if kind == 'LeakyRelu' else {})
    path = saved(tmp_path / 'a.onnx', dict(visible=[1, 1, 4, 4]), dict(y=[1, 2, 4, 4]), [
        onnx.helper.make_node('Conv', ['visible', 'w'], ['x'], name='conv'), node,
        onnx.helper.make_node('Relu', ['z'], ['y'], name='relu')], weights)
    image = dict(visible=np.random.default_rng(0).uniform(-1, 1, (1, 1, 4, 4)).astype(np.float32))
    quantize_onnx(path, tmp_path / 'b.onnx', [image])
    assert any(node.op_type == kind for node in onnx.load(tmp_path / 'b.onnx').graph.node) != goes
    (expected, ), (got, ) = (onnxruntime(name, image) for name in (path, tmp_path / 'b.onnx'))
    np.testing.assert_allclose(got, expected, atol=0.02)
    assert expected.max() > 0.5


@pytest.mark.parametrize('groups', [1, 2])
def test_a_small_channel_keeps_its_levels(tmp_path, groups):
    first = np.float32([[1, 0], [0, 0.1]]).reshape(2, 2, 1, 1)
    second = np.float32([[[1, 0], [0, 10]], [[1], [10]]][groups - 1]).reshape(2, 2 // groups, 1, 1)
    path = saved(tmp_path / 'a.onnx', dict(visible=[1, 2, 4, 4]), dict(y=[1, 2, 6, 6]), [
        onnx.helper.make_node('Conv', ['visible', 'v', 'bias'], ['x'], name='first'),
        onnx.helper.make_node('LeakyRelu', ['x'], ['z'], name='slope', alpha=0.2),
        onnx.helper.make_node('Pad', ['z', 'by'], ['padded'], name='pad', mode='reflect'),
        onnx.helper.make_node('Conv', ['padded', 'w'], ['y'], name='second', group=groups)],
        dict(v=first, bias=np.float32([0.1, 0.01]), w=second), dict(by=np.int64([0, 0, 1, 1] * 2)))
    image = dict(visible=np.random.default_rng(0).uniform(-1, 1, (1, 2, 4, 4)).astype(np.float32))
    quantize_onnx(path, tmp_path / 'b.onnx', [image])
    (expected, ), (got, ) = (onnxruntime(name, image) for name in (path, tmp_path / 'b.onnx'))
    np.testing.assert_allclose(got, expected, atol=0.02)
    assert np.abs(expected[0, 1]).max() > 0.5


@pytest.mark.parametrize('kind', ['branch', 'shared', 'pad', 'clip', 'output'])
def test_channels_stay_where_factors_would_not_cancel(tmp_path, kind):
    weights = dict(v=np.float32([[1, 0.1], [0, 0.2]]).reshape(2, 2, 1, 1), one=np.float32(1), low=np.float32(-0.1),
                   high=np.float32(0.5))
    nodes = [onnx.helper.make_node('Conv', ['visible', 'v'], ['x'], name='first')]
    if kind == 'pad':
        nodes.append(onnx.helper.make_node('Pad', ['x', 'by', 'one'], ['between'], name='pad'))
    elif kind == 'clip':
        nodes.append(onnx.helper.make_node('Clip', ['x', 'low', 'high'], ['between'], name='clip'))
    weights['w'] = np.eye(2, dtype=np.float32).reshape(2, 2, 1, 1)
    between = 'between' if kind in ('pad', 'clip') else 'x'
    nodes.append(onnx.helper.make_node('Conv', [between, 'v' if kind == 'shared' else 'w'], ['u'], name='second'))
    nodes.append(onnx.helper.make_node('Add', ['u', 'x' if kind == 'branch' else 'one'], ['y'], name='add'))
    side = 6 if kind == 'pad' else 4
    outputs = dict(y=[1, 2, side, side], **dict(x=[1, 2, 4, 4]) if kind == 'output' else {})
    path = saved(tmp_path / 'a.onnx', dict(visible=[1, 2, 4, 4]), outputs, nodes, weights,
                 dict(by=np.int64([0, 0, 1, 1] * 2)))
    image = dict(visible=np.random.default_rng(0).uniform(-1, 1, (1, 2, 4, 4)).astype(np.float32))
    quantized(path, tmp_path / 'b.onnx', [image])
    for expected, got in zip(*(onnxruntime(name, image) for name in (path, tmp_path / 'b.onnx')), strict=True):
        np.testing.assert_allclose(got, expected, atol=0.04)


def test_a_channel_that_calibration_hardly_uses_has_room_for_more(tmp_path):
    eye = np.eye(2, dtype=np.float32).reshape(2, 2, 1, 1)
    path = saved(tmp_path / 'a.onnx', dict(visible=[1, 2, 4, 4]), dict(y=[1, 2, 4, 4]), [
        onnx.helper.make_node('Conv', ['visible', 'v'], ['x'], name='first'),
        onnx.helper.make_node('Relu', ['x'], ['z'], name='relu'),
        onnx.helper.make_node('Conv', ['z', 'w'], ['y'], name='second')], dict(v=eye, w=eye))
    image = np.random.default_rng(0).uniform(0, 1, (1, 2, 4, 4)).astype(np.float32)
    image[0, :, 0, 0] = 1
    quantize_onnx(path, tmp_path / 'b.onnx', [dict(visible=image * np.float32([1, 0.001])[:, None, None])])
    got, = onnxruntime(tmp_path / 'b.onnx', dict(visible=image * np.float32([1, 0.1])[:, None, None]))
    np.testing.assert_allclose(got[0, 1], image[0, 1] * 0.1, atol=0.005)


def test_layers_stay_in_float(fusion, samples, tmp_path):
    images = list(calibration_images(fusion, samples))
    every = quantize_onnx(fusion, tmp_path / 'int8.onnx', images)
    rest = quantize_onnx(fusion, tmp_path / 'part.onnx', images, keep_float=['^/stem/', 'attention'])
    names = [node.name for node in onnx.load(fusion).graph.node if node.op_type == 'Conv']
    kept = [name for name in names if name.startswith('/stem/') or 'attention' in name]
    assert rest == every - sum(name.startswith('/stem/') for name in kept) < every
    after = onnx.load(tmp_path / 'part.onnx').graph
    weights = {tensor.name: tensor.data_type for tensor in after.initializer}
    floats = {node.name for node in after.node if node.op_type == 'Conv' and node.input[1] in weights}
    assert floats == set(kept)


def test_images_are_as_the_graph_takes_them(fusion, samples, tmp_path):
    first = next(calibration_images(fusion, samples))
    assert {name: image.shape for name, image in first.items()} == dict(visible=(1, 3, 40, 48), infrared=(1, 1, 40, 48))
    file = cv2.imread(samples[0]['img_path']).transpose(2, 0, 1)
    np.testing.assert_allclose(first['visible'][0], file / 255, atol=1e-6)
    for path in samples[0].values():
        cv2.imwrite(path, cv2.resize(cv2.imread(path), (101, 77)))
    assert next(calibration_images(fusion, samples))['infrared'].shape == (1, 1, 40, 48)
    export_onnx(TIMFusion(genotype='tim-light', channels=8).eval(), tmp_path / 'any.onnx', (40, 48), dynamic=True)
    assert next(calibration_images(tmp_path / 'any.onnx', samples))['visible'].shape == (1, 3, 64, 96)


def test_wrong_inputs_are_said_and_nothing_is_written(fusion, samples, tmp_path):
    out, images = tmp_path / 'out.onnx', list(calibration_images(fusion, samples))
    quantize_onnx(fusion, tmp_path / 'int8.onnx', images)
    (tmp_path / 'damaged.onnx').write_bytes(fusion.read_bytes()[:1000])
    saved(tmp_path / 'guided.onnx', dict(guide=[1, 3, 4, 4]), dict(y=[1, 3, 4, 4]),
          [onnx.helper.make_node('Relu', ['guide'], ['y'])], {})
    content = fusion.read_bytes()
    for path, given, keep, message in (
            ('none.onnx', images, (), 'There is no graph'), ('damaged.onnx', images, (), 'is no ONNX graph'),
            ('int8.onnx', images, (), 'is in int8 already'), ('float.onnx', [], (), 'no image to calibrate'),
            ('float.onnx', images, ['/stam/'], "fits '/stam/'; its layers are /stem/"),
            ('float.onnx', images, [''], 'no layer left to quantise')):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            quantize_onnx(tmp_path / path, out, given, keep)
    with pytest.raises(ValueError, match='would take the place of'):
        quantize_onnx(fusion, fusion, images)
    with pytest.raises(ValueError, match='guided.onnx takes guide; graphs of'):
        next(calibration_images(tmp_path / 'guided.onnx', samples))
    with pytest.raises(ValueError, match='is without its infrared image'):
        next(calibration_images(fusion, [dict(img_path=samples[0]['img_path'])]))
    assert not out.exists() and fusion.read_bytes() == content


def test_openvino_gives_what_onnxruntime_gives(fusion, samples, tmp_path):
    Core = pytest.importorskip('openvino').Core
    images = list(calibration_images(fusion, samples))
    quantize_onnx(fusion, tmp_path / 'int8.onnx', images)
    precise = dict(INFERENCE_PRECISION_HINT='f32')
    for path, atol in ((fusion, 1e-4), (tmp_path / 'int8.onnx', 0.03)):  # in int8 the runtimes round differently
        expected, = onnxruntime(path, images[0])
        got = Core().compile_model(str(path), 'CPU', precise)(images[0])['image']
        np.testing.assert_allclose(got, expected, atol=atol)
        assert expected.std() > 0.01


def test_for_openvino_what_a_convolution_gives_is_not_rounded(fusion, samples, tmp_path):
    pytest.importorskip('openvino')
    images, errors, rounded = list(calibration_images(fusion, samples)), {}, {}
    expected, = onnxruntime(fusion, images[0])
    for runtime in ('onnxruntime', 'openvino'):
        path = tmp_path / f'{runtime}.onnx'
        quantized(fusion, path, images, runtime=runtime)
        graph = onnx.load(path).graph
        convs = {name for node in graph.node if node.op_type == 'Conv' for name in node.output}
        rounded[runtime] = sum(node.op_type == 'QuantizeLinear' and node.input[0] in convs for node in graph.node)
        got = open_graph(str(path), 'openvino')(images[0])['image']
        errors[runtime] = np.square(got - expected).mean()
    assert rounded['openvino'] < rounded['onnxruntime']
    assert 0 < errors['openvino'] < errors['onnxruntime']
    with pytest.raises(ValueError, match="got runtime='tensorrt'; it knows onnxruntime and openvino"):
        quantized(fusion, tmp_path / 'x.onnx', images, runtime='tensorrt')


def test_the_tool(fusion, samples, tmp_path, monkeypatch, capsys, load_tool):
    for sample in samples:
        for sensor, path in zip(('vi', 'ir'), sample.values()):
            target = tmp_path / sensor / Path(path).name[2:]
            target.parent.mkdir(exist_ok=True)
            Path(path).rename(target)
    (tmp_path / 'c.py').write_text(
        "model = dict(type='TIMFusion')\ntrain_dataloader = dict(dataset=dict(type='PairDataset', data_root="
        f"{str(tmp_path)!r}, data_prefix=dict(img='vi', infrared='ir'), pipeline=[dict(type='LoadPairFromFile', "
        "resize='visible')]))\n")
    tool = load_tool('deployment/quantize_onnx')
    for name, given in dict(a=['--config', f'{tmp_path}/c.py'],
                            b=['--visible', f'{tmp_path}/vi', '--infrared', f'{tmp_path}/ir']).items():
        monkeypatch.setattr('sys.argv', ['x', str(fusion), '--out', f'{tmp_path}/{name}.onnx', '--pairs', '2', *given])
        tool.main()
        assert 'calibrated on 2 samples' in capsys.readouterr().out
    assert (tmp_path / 'a.onnx').read_bytes() == (tmp_path / 'b.onnx').read_bytes()
    monkeypatch.setattr('sys.argv', ['x', str(fusion), '--out', f'{tmp_path}/c.onnx'])
    with pytest.raises(UserError, match='Give --config, or --visible'):
        tool.main()
