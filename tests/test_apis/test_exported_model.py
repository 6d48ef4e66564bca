"""An exported graph does for an inferencer what its model does."""
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmfusenas.apis import EnhanceInferencer, ExportedModel, FusionInferencer, input_pairs
from mmfusenas.apis.exporting import export_onnx, fusion_graph
from mmfusenas.apis.loading import build_model
from mmfusenas.core.errors import InputError
from mmfusenas.models.scene import FixedFusion, RUASScene, TIMFusion

pytest.importorskip('onnxruntime')

CLASSES = ('color cone', 'car stop', 'car', 'person', 'bike')


@pytest.fixture
def detector(detector_config: Callable, randomise: Callable) -> nn.Module:
    model = randomise(build_model(detector_config(), 'test')).float()
    model.dataset_meta = dict(classes=CLASSES)
    return model


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('dynamic', [False, True])
def test_a_detector_finds_what_its_model_finds(
        runtime: str, dynamic: bool, detector: nn.Module, image: Callable, tmp_path: Path) -> None:
    pytest.importorskip(runtime)
    path = tmp_path / 'detector.onnx'
    export_onnx(detector, path, (64, 96), dynamic=dynamic, nms=True)
    pair = image(96, 128, 3) if dynamic else image(64, 96, 3), image(96, 128, seed=1) if dynamic else image(64, 96)
    expected = FusionInferencer(detector, score_thr=0.0)(*pair)
    infer = FusionInferencer(ExportedModel(path, runtime), score_thr=0.0)
    found = infer(*pair)
    assert infer.has_task and not infer.segments and infer.dataset_meta == dict(classes=CLASSES)
    assert len(expected['boxes']) > 1
    assert np.abs(found['image'].astype(int) - expected['image']).max() <= 1
    np.testing.assert_array_equal(found['labels'], expected['labels'])
    np.testing.assert_allclose(found['boxes'], expected['boxes'], atol=1e-2)
    np.testing.assert_allclose(found['scores'], expected['scores'], atol=1e-5)
    between = float(np.sort(found['scores'])[-2:].mean())
    assert len(FusionInferencer(path, score_thr=between)(*pair)['boxes']) == 1


def test_a_folder_is_run_and_drawn(detector: nn.Module, image: Callable, files: Callable, tmp_path: Path) -> None:
    export_onnx(detector, tmp_path / 'detector.onnx', (64, 96), dynamic=True, nms=True)
    folders = files('vi', '0.png', '1.png'), files('ir', '0.png', '1.png')
    infer = FusionInferencer(tmp_path / 'detector.onnx', score_thr=0.0, missing='fallback')
    found = json.loads(infer.run(input_pairs(*folders), tmp_path / 'out').read_text())
    assert found['model'] == str(tmp_path / 'detector.onnx')
    assert all(len(each['boxes']) and set(each['classes']) <= set(CLASSES) for each in found['images'])
    assert sorted(path.name for path in (tmp_path / 'out/drawn').iterdir()) == ['0.png', '1.png']


def test_any_size_goes_into_a_graph_of_any_size(detector: nn.Module, image: Callable, tmp_path: Path) -> None:
    export_onnx(detector, tmp_path / 'any.onnx', (64, 96), dynamic=True, nms=True)
    found = FusionInferencer(tmp_path / 'any.onnx', score_thr=0.0)(image(61, 83, 3), image(61, 83))
    assert found['image'].shape == (61, 83, 3) and len(found['boxes'])
    assert (found['boxes'] >= 0).all() and (found['boxes'] <= [83, 61, 83, 61]).all()
    expected = FusionInferencer(FixedFusion(rule='average'))(image(61, 83, 3), image(61, 83))
    assert np.abs(found['image'].astype(int) - expected['image']).max() <= 1


def test_a_segmentor(segmentor_config: Callable, randomise: Callable, image: Callable, tmp_path: Path) -> None:
    model = randomise(build_model(segmentor_config(3), 'test')).float()
    pair = image(61, 83, 3), image(61, 83)
    graph = fusion_graph(model)
    last = model.task.decode_head.conv_seg
    with torch.no_grad():  # every class somewhere
        last.bias -= graph(*graph.random(1, (64, 96)).values())[1].mean((0, 2, 3))
    export_onnx(model, tmp_path / 'segmentor.onnx', (61, 83))
    infer = FusionInferencer(tmp_path / 'segmentor.onnx')
    mask, expected = infer(*pair)['mask'], FusionInferencer(model)(*pair)['mask']
    assert infer.segments and len(np.unique(expected)) > 1 and mask.shape == (61, 83)
    assert (mask == expected).mean() > 0.999


def test_files_become_images_as_for_the_model(tmp_path: Path) -> None:
    preprocessor = dict(type='mmfusenas.PairDataPreprocessor', bit_depth=dict(visible=10))
    model = FixedFusion('average', data_preprocessor=preprocessor)
    model.test_pipeline = [dict(type='LoadPairFromFile', thermal=dict(limits=(280, 320)), resize='visible')]
    export_onnx(model, tmp_path / 'average.onnx', (48, 64))
    visible = np.linspace(0, 1023, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint16)
    kelvin = np.linspace(285, 310, 24 * 32).reshape(24, 32).astype(np.float32)
    found, expected = (FusionInferencer(source)(visible, kelvin)['image'] for source in (
        tmp_path / 'average.onnx', model))
    assert expected.std() > 20 and np.abs(found.astype(int) - expected).max() <= 1


def test_one_sensor(image: Callable, tmp_path: Path) -> None:
    torch.manual_seed(0)
    scene = RUASScene(genotype='ruas-scene')
    export_onnx(scene, tmp_path / 'bright.onnx', (48, 64))
    dark = image(48, 64, 3) // 4
    found = EnhanceInferencer(tmp_path / 'bright.onnx')(dark)['image']
    assert np.abs(found.astype(int) - EnhanceInferencer(scene)(dark)['image']).max() <= 1
    with pytest.raises(ValueError, match='ExportedModel takes visible'):
        export_onnx(FixedFusion(rule='average'), tmp_path / 'pair.onnx', (48, 64))
        EnhanceInferencer(tmp_path / 'pair.onnx')


def test_what_does_not_go_is_said(detector: nn.Module, image: Callable, tmp_path: Path) -> None:
    path, fusion = tmp_path / 'all.onnx', tmp_path / 'fusion.onnx'
    export_onnx(detector, path, (64, 96))
    with pytest.raises(ValueError, match='gives every candidate for a box. Export it again with --nms'):
        FusionInferencer(path)
    export_onnx(TIMFusion(genotype='tim-light', channels=8), fusion, (48, 64))
    with pytest.raises(ValueError, match=r'takes images of 64 x 48, and this one is 83 x 61 \(width x height\)'):
        FusionInferencer(fusion)(image(61, 83, 3), image(61, 83))
    for options in (dict(tile=256), dict(amp=True)):
        with pytest.raises(ValueError, match='tile and amp are for models in PyTorch'):
            FusionInferencer(fusion, **options)
    for options in (dict(device='cuda'), dict(checkpoint='epoch_1.pth')):
        with pytest.raises(ValueError, match='neither a checkpoint nor a device'):
            FusionInferencer(fusion, **options)
    with pytest.raises(ValueError, match="runtime='tensorrt'; it knows onnxruntime and openvino"):
        ExportedModel(fusion, 'tensorrt')
    (tmp_path / 'torn.onnx').write_bytes(fusion.read_bytes()[:500])
    with pytest.raises(ValueError, match='torn.onnx'):
        ExportedModel(tmp_path / 'torn.onnx')
    with pytest.raises(FileNotFoundError, match='nothing.onnx'):
        ExportedModel(tmp_path / 'nothing.onnx')


@pytest.mark.parametrize('properties', [
    dict(classes=5), dict(classes='person'), dict(classes=None), dict(classes=[1]), dict(loading=[1]),
    dict(loading=dict(backend_args={})), dict(loading=dict(resize='other')), dict(loading=dict(thermal='abc')),
    dict(loading=dict(thermal=dict(other=1))), dict(loading=dict(thermal=dict(limits=['a', 'b']))),
    dict(loading=dict(homography='cameras.json')), dict(bit_depth=[1]), dict(bit_depth=dict(infrared='x')),
    dict(bit_depth=dict(infrared=10**9)), dict(size_divisor=0), dict(size_divisor=1.5), dict(size_divisor=10**9),
    dict(size_divisor=-32), dict(size_divisor=None), dict(suppressed='yes'), dict(suppressed=None)])
def test_metadata_of_another_kind_are_named(properties: dict, tmp_path: Path) -> None:
    import onnx

    export_onnx(FixedFusion(rule='average'), tmp_path / 'm.onnx', (48, 64))
    graph = onnx.load(tmp_path / 'm.onnx')
    onnx.helper.set_model_props(graph, {name: json.dumps(value) for name, value in properties.items()})
    onnx.save(graph, tmp_path / 'm.onnx')
    with pytest.raises(InputError, match=f'm.onnx has {next(iter(properties))}=.* in its metadata'):
        FusionInferencer(tmp_path / 'm.onnx')


def test_inputs_that_are_no_images_are_named(tmp_path: Path) -> None:
    import onnx

    export_onnx(FixedFusion(rule='average'), tmp_path / 'm.onnx', (48, 64))
    graph = onnx.load(tmp_path / 'm.onnx')
    del graph.graph.input[0].type.tensor_type.shape.dim[3:]
    onnx.save(graph, tmp_path / 'm.onnx')
    with pytest.raises(InputError, match='visible of 3 dimensions'):
        FusionInferencer(tmp_path / 'm.onnx')
