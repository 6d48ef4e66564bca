"""ONNX files compute what the models do, at other sizes too where that is promised."""
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from mmfusenas.apis.exported_model import open_graph
from mmfusenas.apis.exporting import export_onnx, fusion_graph, graph_properties
from mmfusenas.apis.onnx_graphs import pool_in_cells
from mmfusenas.models.scene import FixedFusion, TIMFusion
from mmfusenas.nas import Genotype
from mmfusenas.registry import MODELS

InferenceSession = pytest.importorskip('onnxruntime').InferenceSession


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')
    torch.manual_seed(0)


def fusion(genotype='tim-light'):
    return TIMFusion(genotype=genotype, channels=8)


def enhancement():
    return MODELS.build(dict(
        type='TIMEnhancement', fusion=dict(type='TIMFusion', genotype='tim-light', channels=8),
        enhancement=dict(type='EnhancementNet', genotype='tim-enhance', channels=8)))


def detector(kind):
    ssd = dict(
        type='SingleStageDetector', data_preprocessor=dict(type='DetDataPreprocessor', pad_size_divisor=32),
        backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4, out_indices=(1, 2)),
        bbox_head=dict(
            type='SSDHead', in_channels=(8, 16), num_classes=2,
            anchor_generator=dict(type='SSDAnchorGenerator', scale_major=False, input_size=64, strides=[8, 16],
                                  ratios=[[2], [2]], min_sizes=[16, 32], max_sizes=[32, 64])))
    retinanet = dict(
        type='RetinaNet',
        data_preprocessor=dict(type='DetDataPreprocessor', mean=[120.0, 110.0, 100.0], std=[60.0] * 3, bgr_to_rgb=True,
                               pad_size_divisor=32),
        backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4, out_indices=(1, 2, 3)),
        neck=dict(type='FPN', out_channels=8, num_outs=3),
        bbox_head=dict(type='RetinaHead', num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1,
                       anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=1,
                                             ratios=[1.0], strides=[8, 16, 32])))
    points = dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32])
    head = dict(num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1)
    heads = dict(
        fcos=dict(head, type='FCOSHead', strides=[8, 16, 32], norm_cfg=None, norm_on_bbox=True, centerness_on_reg=True),
        atss=dict(head, type='ATSSHead', norm_cfg=None, anchor_generator=retinanet['bbox_head']['anchor_generator']),
        yolox=dict(head, type='YOLOXHead'),
        rtmdet=dict(head, type='RTMDetSepBNHead', share_conv=True, anchor_generator=points,
                    bbox_coder=dict(type='DistancePointBBoxCoder')),
        gfl=dict(head, type='GFLHead', norm_cfg=None, anchor_generator=retinanet['bbox_head']['anchor_generator']))
    tasks = dict(retinanet=retinanet, ssd=ssd)
    for name, head in heads.items():
        tasks[name] = dict(retinanet, type='SingleStageDetector', bbox_head=head)
    task = dict(tasks[kind], _scope_='mmdet', test_cfg=dict(
        nms_pre=1000, score_thr=0.0, nms=dict(type='nms', iou_threshold=1.0), max_per_img=10))
    return MODELS.build(ConfigDict(
        type='TaskGuidedDetector', task=task, scene=dict(type='TIMFusion', genotype='tim-light', channels=8)))


def segmentor(test_cfg=None):
    task = dict(
        _scope_='mmseg', type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0] * 3, bgr_to_rgb=True,
                               size_divisor=32, test_cfg=test_cfg),
        backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),
        decode_head=dict(type='mmfusenas.FeatureDistillationHead', in_index=[1, 2, 3], channels=8, num_classes=3,
                         norm_cfg=dict(type='BN'), genotype=dict(choices={
                             f'cells.{c}.edges.{e}': 'conv_3' for c in (0, 1) for e in ('0_1', '0_2', '1_2')})),
        train_cfg={}, test_cfg=dict(mode='whole'))
    return MODELS.build(ConfigDict(
        type='TaskGuidedSegmentor', task=task, scene=dict(type='TIMFusion', genotype='tim-light', channels=8)))


def run(path, visible, infrared):
    session = InferenceSession(str(path), providers=['CPUExecutionProvider'])
    outputs = session.run(None, dict(visible=visible.numpy(), infrared=infrared.numpy()))
    return {node.name: torch.from_numpy(value) for node, value in zip(session.get_outputs(), outputs)}


def pair(height, width, number=1):
    generator = torch.Generator().manual_seed(2)
    return (torch.rand(number, 3, height, width, generator=generator),
            torch.rand(number, 1, height, width, generator=generator))


@pytest.mark.parametrize(('build', 'size'), [
    (fusion, (61, 83)), (enhancement, (61, 83)), (lambda: fusion('tim-full'), (44, 84)),
    (lambda: FixedFusion(rule='maximum'), (61, 83))])
def test_any_size_and_number_of_images(build, size, tmp_path, randomise):
    model = randomise(build()).float()
    assert export_onnx(model, tmp_path / 'm.onnx', (40, 48), dynamic=True) < 1e-4
    visible, infrared = pair(*size, number=3)
    got = run(tmp_path / 'm.onnx', visible, infrared)['image']
    with torch.no_grad():
        expected = model(dict(visible=visible, infrared=infrared)).clamp(0, 1)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
    assert expected.std() > 0.01
    assert [path.name for path in tmp_path.iterdir()] == ['m.onnx']


def test_one_sensor_and_a_decision_an_image(tmp_path):
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(
        type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'),
        task=dict(type='NoiseRemoval', genotype='ruas-denoise'), estimation=dict(type='NoiseEstimation'))).eval()
    visible = 0.3 * pair(61, 83, number=3)[0]
    with torch.no_grad():
        levels = model.images(dict(visible=visible))['noise_level']
        model.threshold = float(levels.sort()[0][1:].mean())  # one of the three is noisy
        expected = model(dict(visible=visible)).clamp(0, 1)
    export_onnx(model, tmp_path / 'm.onnx', (40, 48), dynamic=True)
    session = InferenceSession(str(tmp_path / 'm.onnx'), providers=['CPUExecutionProvider'])
    got = torch.from_numpy(session.run(None, dict(visible=visible.numpy()))[0])
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


def check_graph_of_one_sensor(model, path):
    """Export a model of one sensor and compare the graph with it on an image of another size."""
    export_onnx(model, path, (40, 48), dynamic=True)
    visible = pair(61, 83)[0]
    with torch.no_grad():
        expected = model(dict(visible=visible)).clamp(0, 1)
    got = InferenceSession(str(path), providers=['CPUExecutionProvider']).run(
        None, dict(visible=visible.numpy()))[0]
    torch.testing.assert_close(torch.from_numpy(got), expected, atol=1e-4, rtol=1e-4)
    assert expected.std() > 0.01


@pytest.mark.parametrize('physics', ['Scattering', 'AdditiveLayer'])
def test_unfoldings_without_a_kernel(physics, tmp_path, randomise):
    model = randomise(MODELS.build(ConfigDict(type='HyperGuidedRestoration', stages=2, stage=dict(
        type='GuidedStage', physics=dict(type=physics), proxy=dict(type='GuidanceProxy', channels=8),
        denoiser=dict(type='DilatedDenoiser', channels=8))))).float().eval()
    check_graph_of_one_sensor(model, tmp_path / 'm.onnx')


def test_a_restoration(tmp_path):
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(
        type='Restoration', net=dict(type='HadamardNet', genotype='hadamard-lol', channels=4))).eval()
    check_graph_of_one_sensor(model, tmp_path / 'm.onnx')


def test_guided_super_resolution_with_every_fusion(tmp_path, randomise):
    fusions = dict(zip((f'fusions.{level}' for level in range(4)), ('attention', 'concat', 'guidance', 'target')))
    genotype = dict(choices={**Genotype.load('dcnas-tiny-16x').choices, **fusions})
    model = randomise(MODELS.build(ConfigDict(type='GuidedSR', net=dict(
        type='GuidedSRNet', genotype=genotype, channels=8, guide_mean=0.45, guide_std=0.225)))).float().eval()
    torch.nn.init.normal_(model.net.tail[1].weight, std=0.01)  # it begins at zero
    export_onnx(model, tmp_path / 'm.onnx', (32, 64), dynamic=True)
    guide, target = pair(64, 96, number=2)
    with torch.no_grad():
        expected = model.images(dict(guide=guide, target=target))['restored']
    session = InferenceSession(str(tmp_path / 'm.onnx'), providers=['CPUExecutionProvider'])
    got, = session.run(['restored'], dict(guide=guide.numpy(), target=target.numpy()))
    torch.testing.assert_close(torch.from_numpy(got), expected, atol=1e-4, rtol=1e-4)
    assert (expected - target).std() > 0.01


def test_fixed_size_of_several_scales(tmp_path, randomise):
    model = randomise(fusion('tim-full')).float()
    export_onnx(model, tmp_path / 'm.onnx', (41, 50))
    visible, infrared = pair(41, 50)
    with torch.no_grad():
        expected = model(dict(visible=visible, infrared=infrared)).clamp(0, 1)
    torch.testing.assert_close(run(tmp_path / 'm.onnx', visible, infrared)['image'], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('kind', [
    'retinanet', 'channels', 'ssd', 'fcos', 'yolox',
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ('atss', 'rtmdet', 'gfl'))])
def test_boxes_are_those_that_the_detector_predicts(kind, tmp_path, randomise):
    from mmdet.structures import DetDataSample
    model = randomise(detector('retinanet' if kind == 'channels' else kind)).float()
    if kind == 'channels':
        model.sees = kind
    export_onnx(model, tmp_path / 'm.onnx', (64, 96))
    visible, infrared = pair(64, 96)
    got = run(tmp_path / 'm.onnx', visible, infrared)
    sample = DetDataSample(metainfo=dict(img_shape=(64, 96), ori_shape=(64, 96), scale_factor=(1.0, 1.0)))
    with torch.no_grad():
        found = model(dict(visible=visible, infrared=infrared), [sample], mode='predict')[0].pred_instances
    assert len(found) >= 10
    for box, score, label in zip(found.bboxes, found.scores, found.labels):
        near = ((got['boxes'] - box).abs().amax(1) < 1e-2) & (got['labels'] == label)
        assert near.any() and (got['scores'][near] - score).abs().min() < 1e-4


@pytest.mark.parametrize('kind', [
    'retinanet', 'fcos', *(pytest.param(kind, marks=pytest.mark.slow) for kind in ('ssd', 'atss', 'yolox'))])
@pytest.mark.parametrize('limit', [7, 200])
def test_what_is_suppressed_in_the_graph_is_what_the_detector_suppresses(kind, limit, tmp_path, randomise):
    """At a size that has to be padded too, and with the names of the classes beside.

    The threshold is of a score before it is multiplied with centerness; what lies on the border has no side.
    """
    from mmdet.structures import DetDataSample
    model = randomise(detector(kind)).float()
    model.dataset_meta = dict(classes=('person', 'car'))
    model.task.test_cfg.update(
        nms=dict(type='nms', iou_threshold=0.5), score_thr=0.45, min_bbox_size=3, max_per_img=limit)
    model.task.bbox_head.test_cfg = model.task.test_cfg
    export_onnx(model, tmp_path / 'm.onnx', (61, 83), nms=True)
    visible, infrared = pair(61, 83)
    got = run(tmp_path / 'm.onnx', visible, infrared)
    sample = DetDataSample(metainfo=dict(img_shape=(61, 83), ori_shape=(61, 83), scale_factor=(1.0, 1.0)))
    with torch.no_grad():
        found = model(dict(visible=visible, infrared=infrared), [sample], mode='predict')[0].pred_instances
    assert got['image'].shape == (1, 3, 61, 83) and len(found)
    found = found[:limit]  # of YOLOX mmdet gives all
    assert limit == 7 or len(found) < 200
    torch.testing.assert_close(got['scores'], found.scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(got['boxes'], found.bboxes, atol=1e-2, rtol=1e-4)
    assert got['labels'].tolist() == found.labels.tolist()
    session = InferenceSession(str(tmp_path / 'm.onnx'), providers=['CPUExecutionProvider'])
    assert session.get_modelmeta().custom_metadata_map == dict(
        classes='["person", "car"]', size_divisor='32', suppressed='true')


@pytest.mark.parametrize('kind', [
    'retinanet', 'fcos', *(pytest.param(kind, marks=pytest.mark.slow) for kind in ('ssd', 'atss', 'gfl'))])
def test_boxes_of_larger_images_than_it_was_traced_with(kind, tmp_path, randomise):
    """In a trace fewer candidates are above the threshold than ``nms_pre`` takes, afterwards more."""
    from mmdet.structures import DetDataSample
    model = randomise(detector(kind)).float()
    model.task.test_cfg.update(
        nms=dict(type='nms', iou_threshold=0.5), score_thr=0.45, min_bbox_size=3, max_per_img=500, nms_pre=30)
    model.task.bbox_head.test_cfg = model.task.test_cfg
    export_onnx(model, tmp_path / 'm.onnx', (64, 96), dynamic=True, nms=True)
    sample = DetDataSample(metainfo=dict(img_shape=(128, 224), ori_shape=(128, 224), scale_factor=(1.0, 1.0)))
    visible, infrared = pair(128, 224)
    with torch.no_grad():
        found = model(dict(visible=visible, infrared=infrared), [sample], mode='predict')[0].pred_instances
    got = run(tmp_path / 'm.onnx', visible, infrared)
    assert len(found) and found.bboxes[:, 2].max() > 96 and found.bboxes[:, 3].max() > 64
    torch.testing.assert_close(got['scores'], found.scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(got['boxes'], found.bboxes, atol=1e-2, rtol=1e-4)
    assert got['labels'].tolist() == found.labels.tolist()


def test_nothing_is_found_in_a_graph_that_suppresses(tmp_path, randomise):
    model = randomise(detector('retinanet')).float()
    model.task.test_cfg.update(nms=dict(type='nms', iou_threshold=0.5), score_thr=0.6)
    export_onnx(model, tmp_path / 'm.onnx', (64, 96), nms=True)
    images = pair(64, 96)
    assert len(run(tmp_path / 'm.onnx', *images)['scores'])
    model.task.test_cfg.update(score_thr=1.0)
    export_onnx(model, tmp_path / 'm.onnx', (64, 96), nms=True)
    got = run(tmp_path / 'm.onnx', *images)
    assert got['boxes'].shape == (0, 4) and got['scores'].shape == got['labels'].shape == (0,)


@pytest.mark.parametrize('kind', [
    'retinanet', *(pytest.param(kind, marks=pytest.mark.slow) for kind in ('gfl', 'yolox'))])
@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_boxes_of_one_image_and_none_of_another(kind, runtime, tmp_path, randomise):
    """No score of the images that it was traced with is above the threshold."""
    from mmdet.structures import DetDataSample
    pytest.importorskip(runtime)
    model = randomise(detector(kind)).float()
    graph, grow = fusion_graph(model), torch.nn.functional.interpolate
    traced = tuple(graph.random(1, (64, 96)).values())
    images = [tuple(grow(image.round() * gain, (64, 96)) for image in pair(64 // side, 96 // side))
              for side in (8, 16, 32) for gain in (0, 0.5, 1)]
    with torch.no_grad():
        least, *_, most = sorted(images, key=lambda each: graph(*each)[2].max())
        below, above = (float(graph(*each)[2].max()) for each in (traced, most))
    assert below < above
    model.task.test_cfg.update(nms=dict(type='nms', iou_threshold=0.5), score_thr=(below + above) / 2)
    model.task.bbox_head.test_cfg = model.task.test_cfg
    export_onnx(model, tmp_path / 'm.onnx', (64, 96), nms=True)
    sample = DetDataSample(metainfo=dict(img_shape=(64, 96), ori_shape=(64, 96), scale_factor=(1.0, 1.0)))
    run_graph = open_graph(str(tmp_path / 'm.onnx'), runtime)
    counts = []
    for each in (least, most):
        with torch.no_grad():
            inputs = dict(zip(('visible', 'infrared'), each))
            found = model(inputs, [sample], mode='predict')[0].pred_instances[:10]
        got = run_graph({name: image.numpy() for name, image in inputs.items()})
        np.testing.assert_allclose(got['boxes'], found.bboxes.numpy(), atol=1e-2, rtol=1e-3)
        np.testing.assert_allclose(got['scores'], found.scores.numpy(), atol=1e-4)
        counts.append(len(found))
    assert counts[0] == 0 < counts[1]


def test_openvino_suppresses_alike(tmp_path, randomise):
    core = pytest.importorskip('openvino').Core()
    model = randomise(detector('retinanet')).float()
    model.task.test_cfg.update(nms=dict(type='nms', iou_threshold=0.5), score_thr=0.2, max_per_img=7)
    export_onnx(model, tmp_path / 'm.onnx', (64, 96), nms=True)
    images = pair(64, 96)
    expected = run(tmp_path / 'm.onnx', *images)
    compiled = core.compile_model(str(tmp_path / 'm.onnx'), 'CPU', dict(INFERENCE_PRECISION_HINT='f32'))
    got = compiled({name: image.numpy() for name, image in zip(('visible', 'infrared'), images)})
    assert len(expected['scores']) == 7
    for name in ('scores', 'boxes', 'labels'):
        torch.testing.assert_close(torch.from_numpy(got[name]), expected[name], atol=1e-2, rtol=1e-3)


def test_suppression_of_another_kind_is_named(tmp_path):
    model = detector('retinanet')
    for nms, shown in ((dict(type='soft_nms', iou_threshold=0.5), 'soft_nms'), (None, 'nms=None')):
        model.task.test_cfg.nms = nms
        with pytest.raises(ValueError, match=f'{shown}.*Set model.task.test_cfg.nms'):
            export_onnx(model, tmp_path / 'm.onnx', (64, 96), nms=True)
    with pytest.raises(ValueError, match='TIMFusion has no detector'):
        export_onnx(fusion(), tmp_path / 'm.onnx', (64, 96), nms=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('test_cfg', [None, dict(size_divisor=32)])
def test_segmentation_of_a_size_that_is_padded_where_a_prediction_is(test_cfg, tmp_path, randomise):
    from mmseg.structures import SegDataSample
    model = randomise(segmentor(test_cfg)).float()
    export_onnx(model, tmp_path / 'm.onnx', (61, 83))
    visible, infrared = pair(61, 83)
    samples = [SegDataSample(metainfo=dict(img_shape=(61, 83), ori_shape=(61, 83)))]
    with torch.no_grad():
        sample = model(dict(visible=visible, infrared=infrared), samples, mode='predict')[0]
    assert sample.metainfo.get('pad_shape', (61, 83)) == ((64, 96) if test_cfg else (61, 83))
    expected = sample.seg_logits.data
    torch.testing.assert_close(run(tmp_path / 'm.onnx', visible, infrared)['logits'][0], expected, atol=1e-4, rtol=1e-3)


def test_segmentation_at_other_sizes(tmp_path, randomise):
    from mmseg.structures import SegDataSample
    model = randomise(segmentor()).float()
    export_onnx(model, tmp_path / 'm.onnx', (64, 96), dynamic=True)
    visible, infrared = pair(96, 128)
    samples = [SegDataSample(metainfo=dict(img_shape=(96, 128), ori_shape=(96, 128)))]
    with torch.no_grad():
        expected = model(dict(visible=visible, infrared=infrared), samples, mode='predict')[0].seg_logits.data
    torch.testing.assert_close(run(tmp_path / 'm.onnx', visible, infrared)['logits'][0], expected, atol=1e-4, rtol=1e-3)


def stock_segmentor(kind):
    bn, resnet = dict(type='BN'), dict(type='ResNetV1c', depth=18, base_channels=4, stem_channels=4)
    common = dict(num_classes=3, norm_cfg=bn, channels=8)
    fcn = dict(common, type='FCNHead', in_channels=32, in_index=3)
    tasks = dict(
        pspnet=dict(type='EncoderDecoder', backbone=resnet, decode_head=dict(
            common, type='PSPHead', in_channels=32, in_index=3)),
        deeplab=dict(type='EncoderDecoder', backbone=resnet, decode_head=dict(
            common, type='DepthwiseSeparableASPPHead', in_channels=32, in_index=3, dilations=(1, 2), c1_in_channels=4,
            c1_channels=4)),
        segformer=dict(
            type='EncoderDecoder', backbone=dict(
                type='MixVisionTransformer', embed_dims=8, num_heads=[1, 2, 2, 2], num_layers=[1, 1, 1, 1]),
            decode_head=dict(common, type='SegformerHead', in_channels=[8, 16, 16, 16], in_index=[0, 1, 2, 3])),
        ocrnet=dict(type='CascadeEncoderDecoder', num_stages=2, backbone=resnet, decode_head=[
            fcn, dict(common, type='OCRHead', in_channels=32, in_index=3, ocr_channels=8)]),
        binary=dict(type='EncoderDecoder', backbone=resnet, decode_head=dict(
            fcn, num_classes=2, out_channels=1, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True))))
    task = dict(tasks[kind], _scope_='mmseg', train_cfg={}, test_cfg=dict(mode='whole'), data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0] * 3, bgr_to_rgb=True, size_divisor=32))
    return MODELS.build(ConfigDict(
        type='TaskGuidedSegmentor', task=task, scene=dict(type='TIMFusion', genotype='tim-light', channels=8)))


@pytest.mark.parametrize('kind, size, dynamic', [
    ('pspnet', (64, 160), False),  # its maps are 2 x 5: in cells of unequal size
    ('deeplab', (61, 150), False), ('segformer', (64, 160), False), ('ocrnet', (61, 150), True),
    ('binary', (61, 150), True)])
def test_stock_segmentors_label_in_a_graph_as_they_predict(kind, size, dynamic, tmp_path, randomise):
    pytest.importorskip('mmseg')
    from mmseg.structures import SegDataSample
    init_default_scope('mmfusenas')
    model = randomise(stock_segmentor(kind)).float()
    visible, infrared = pair(*size)
    if kind == 'binary':
        scores = fusion_graph(model)(visible, infrared)[1][:, 1]
        model.task.decode_head.threshold = scores.median().sigmoid().item()
    export_onnx(model, tmp_path / 'm.onnx', (64, 96) if dynamic else size, dynamic=dynamic)
    samples = [SegDataSample(metainfo=dict(img_shape=size, ori_shape=size))]
    with torch.no_grad():
        expected = model(dict(visible=visible, infrared=infrared), samples, mode='predict')[0]
    logits = run(tmp_path / 'm.onnx', visible, infrared)['logits']
    got = logits[0, 1:].sigmoid() if kind == 'binary' else logits[0]
    torch.testing.assert_close(got, expected.seg_logits.data, atol=1e-4, rtol=1e-3)
    assert got.std() > 1e-3
    assert (logits.argmax(1)[0] != expected.pred_sem_seg.data[0]).float().mean() < 0.001
    if kind == 'binary':
        assert 0.1 < logits.argmax(1).float().mean() < 0.9


def test_a_segmentor_that_no_graph_holds_is_said(tmp_path, randomise, monkeypatch, capfd):
    pytest.importorskip('mmseg')
    from mmseg.models.decode_heads import PSPHead
    init_default_scope('mmfusenas')
    model = randomise(stock_segmentor('pspnet')).float()
    with pytest.raises(RuntimeError, match='differs from the model .* One of a fixed size may not: give'):
        export_onnx(model, tmp_path / 'm.onnx', (64, 160), dynamic=True)
    monkeypatch.setattr(PSPHead, 'forward', lambda self, inputs: torch.linalg.eig(inputs[-1])[1].real)
    with pytest.raises(ValueError, match='EncoderDecoder cannot be exported .*eig'):
        export_onnx(model, tmp_path / 'm.onnx', (64, 64))
    assert 'graph(' not in capfd.readouterr().out  # torch prints what it has of it, thousands of lines
    model.task.test_cfg.mode = 'slide'
    with pytest.raises(ValueError, match='labels in parts .*Set model.task.test_cfg.mode to whole'):
        export_onnx(model, tmp_path / 'm.onnx', (64, 64))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('cells', [(2, 3), (5, None), (7, 1), 1, 3])
def test_pools_into_cells_are_those_of_torch(cells):
    x = torch.rand(2, 3, 5, 8)
    got = pool_in_cells(x, cells)
    torch.testing.assert_close(got, torch.nn.AdaptiveAvgPool2d(cells)(x))


@pytest.mark.parametrize(('build', 'step'), [
    (lambda: detector('retinanet'), 1), (lambda: segmentor(dict(size_divisor=32)), 1),
    (lambda: fusion('tim-full'), 32)], ids=['detector', 'segmentor', 'scales'])
def test_a_file_says_which_sizes_it_takes(build, step, tmp_path, randomise):
    """A network of several scales fits its maps together as it was traced."""
    model = randomise(build()).float()
    export_onnx(model, tmp_path / 'm.onnx', (64, 96), dynamic=True)
    assert graph_properties(tmp_path / 'm.onnx')['size_divisor'] == step
    if step == 1:
        images = pair(61, 83)
        with torch.no_grad():
            expected = fusion_graph(model)(*images)[1]
        names = ('boxes', 'logits')
        got = next(value for name, value in run(tmp_path / 'm.onnx', *images).items() if name in names)
        torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)


def test_what_cannot_be_exported_is_said(tmp_path):
    two_stages = detector('retinanet')
    two_stages.task.roi_head = two_stages.task.__dict__['_modules'].pop('bbox_head')
    with pytest.raises(ValueError, match='RetinaNet has no head that is exported'):
        fusion_graph(two_stages)
    with pytest.raises(ValueError, match='makes no image'):
        fusion_graph(torch.nn.Conv2d(3, 1, 1))
    with pytest.raises(ValueError, match='deblurs by a kernel of each image'):
        fusion_graph(MODELS.build(dict(type='HyperGuidedRestoration', stages=1, stage=dict(
            type='GuidedStage', physics=dict(type='Deconvolution')))))
    assert not list(tmp_path.iterdir())


def test_a_file_that_differs_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr('mmfusenas.apis.exporting._difference', lambda *_: float('nan'))
    with pytest.raises(RuntimeError, match='not kept'):
        export_onnx(fusion(), tmp_path / 'm.onnx', (40, 48))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('shape', [(1, 1), (0, 0), (2, 64)])
@pytest.mark.parametrize('dynamic', [False, True])
def test_images_of_hardly_a_pixel_are_not_exported(shape, dynamic, tmp_path):
    with pytest.raises(ValueError, match='at least 3 x 3 pixels'):
        export_onnx(fusion(), tmp_path / 'x.onnx', shape, dynamic)
    assert not list(tmp_path.iterdir())


def test_the_tool_says_what_the_pipeline_would_resize(load_tool):
    resized = load_tool('deployment/export_onnx').resized
    keep = [dict(type='LoadPairFromFile'), dict(type='JointTransform', transforms=[
        dict(type='mmdet.Resize', scale=[640, 640], keep_ratio=True), dict(type='mmdet.RandomFlip')])]
    assert resized(keep, (480, 640)) is None and resized(keep, (240, 320)) == (480, 640)
    assert resized([dict(type='Resize', scale=(300, 200))], (480, 640)) == (200, 300)
    assert resized([dict(type='LoadPairFromFile')], (480, 640)) is None
