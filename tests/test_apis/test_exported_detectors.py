"""Graphs of mmdet's detectors find what the detectors find: every dense head that is exported, and those of queries."""
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from torch import nn

from mmfusenas.apis.exported_model import ExportedModel, open_graph
from mmfusenas.apis.exporting import export_onnx, fusion_graph, graph_properties
from mmfusenas.registry import MODELS

pytest.importorskip('onnxruntime')

STRIDES = [8, 16]
GN = dict(type='GN', num_groups=4)
RANGES = ((-1, 64), (64, 1e8))
HEAD = dict(num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1)
SQUARES = dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=1, ratios=[1.0], strides=STRIDES)
ANCHORS = dict(HEAD, anchor_generator=SQUARES)
POINTS = dict(HEAD, strides=STRIDES, norm_cfg=None)
FCOS = dict(POINTS, regress_ranges=RANGES)
RTMDET = dict(
    HEAD, norm_cfg=dict(type='BN'), bbox_coder=dict(type='DistancePointBBoxCoder'),
    anchor_generator=dict(type='MlvlPointGenerator', offset=0, strides=STRIDES))
SSD = dict(num_classes=2, in_channels=(8, 8), anchor_generator=dict(
    type='SSDAnchorGenerator', scale_major=False, input_size=64, strides=STRIDES, ratios=[[2]] * 2,
    min_sizes=[16, 32], max_sizes=[32, 48]))
BUCKETS = dict(HEAD, approx_anchor_generator=SQUARES, square_anchor_generator=dict(
    type='AnchorGenerator', ratios=[1.0], scales=[4], strides=STRIDES))
HEADS = dict(
    AnchorHead=dict(num_classes=2, in_channels=8, feat_channels=8, anchor_generator=SQUARES),
    ATSSHead=dict(ANCHORS, norm_cfg=None),
    AutoAssignHead=dict(FCOS, norm_on_bbox=True),
    CenterNetUpdateHead=dict(FCOS, norm_cfg=GN),
    DDODHead=dict(ANCHORS, norm_cfg=GN),
    FCOSHead=dict(FCOS, norm_on_bbox=True, centerness_on_reg=True),
    FoveaHead=dict(POINTS, base_edge_list=[16, 32], scale_ranges=((8, 32), (16, 64))),
    FreeAnchorRetinaHead=ANCHORS,
    NASFCOSHead=dict(FCOS, norm_cfg=GN),
    RepPointsHead=dict(HEAD, point_feat_channels=8, num_points=9, point_strides=STRIDES, norm_cfg=GN),
    TOODHead=dict(ANCHORS, stacked_convs=2, norm_cfg=GN),
    VFNetHead=dict(FCOS, norm_cfg=GN, anchor_generator=dict(SQUARES, center_offset=0.0)),
    FSAFHead=dict(ANCHORS, bbox_coder=dict(type='TBLRBBoxCoder', normalizer=4.0)),
    GFLHead=dict(ANCHORS, norm_cfg=None),
    LADHead=dict(ANCHORS, norm_cfg=None, score_voting=False),
    LDHead=dict(ANCHORS, norm_cfg=None, loss_ld=dict(type='KnowledgeDistillationKLDivLoss')),
    PAAHead=dict(ANCHORS, norm_cfg=None, score_voting=False),
    PISARetinaHead=ANCHORS,
    PISASSDHead=SSD,
    RetinaHead=ANCHORS,
    RetinaSepBNHead=dict(ANCHORS, num_ins=2, norm_cfg=dict(type='BN')),
    RTMDetHead=RTMDET,
    RTMDetSepBNHead=dict(RTMDET, share_conv=True),
    SABLRetinaHead=BUCKETS,
    SSDHead=SSD,
    YOLOFHead=dict(
        num_classes=2, in_channels=8, num_cls_convs=1, num_reg_convs=1, reg_decoded_bbox=True,
        anchor_generator=dict(type='AnchorGenerator', ratios=[1.0], scales=[1, 2], strides=[16]),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', add_ctr_clamp=True, ctr_clamp=32)),
    YOLOV3Head=dict(
        num_classes=2, in_channels=[8] * 2, out_channels=[8] * 2, featmap_strides=STRIDES, anchor_generator=dict(
            type='YOLOAnchorGenerator', base_sizes=[[(16, 16)], [(32, 32)]], strides=STRIDES)),
    YOLOXHead=dict(HEAD, strides=STRIDES))

QUERIES = ('DETR', 'ConditionalDETR', 'DABDETR', 'DeformableDETR', 'DINO')
REFUSED = dict(
    masks=('BoxInstBboxHead', 'BoxInstMaskHead', 'CondInstBboxHead', 'CondInstMaskHead', 'DecoupledSOLOHead',
           'DecoupledSOLOLightHead', 'Mask2FormerHead', 'MaskFormerHead', 'RTMDetInsHead', 'RTMDetInsSepBNHead',
           'SOLOHead', 'SOLOV2Head', 'YOLACTHead', 'YOLACTProtonet'),
    text=('ATSSVLFusionHead', 'GroundingDINOHead'),
    border_of_its_own_pipeline=('CenterNetHead', 'CentripetalHead', 'CornerHead'),
    masked_convolution_without_cpu=('GARPNHead', 'GARetinaHead', 'GuidedAnchorHead'),
    proposals_of_another_kind=('CascadeRPNHead', 'EmbeddingRPNHead', 'StageCascadeRPNHead'),
    suppresses_queries=('DDQDETRHead',),
    lanes_of_the_maintained_fork=('CLRHead',),
    no_head_by_itself=('AnchorFreeHead', 'FeatureAdaption'))
"""Heads that are not exported, by what stands against it; docs/en/inference.md says so."""


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')
    torch.manual_seed(0)


class Pyramid(nn.Module):
    """Two maps of 8 channels, or the last of them, in the place of a backbone."""

    def __init__(self, maps=2, channels=8):
        super().__init__()
        self.maps = maps
        self.stages = nn.ModuleList([nn.Conv2d(3, channels, 3, 8, 1), nn.Conv2d(channels, channels, 3, 2, 1)])

    def forward(self, x):
        found = []
        for stage in self.stages:
            x = stage(x).relu()
            found.append(x)
        return tuple(found[-self.maps:])


def detector(task, maps=2, channels=8, pad_size_divisor=32):
    """Return a detector on an average of both images, none of whose weights is at a default."""
    task = dict(
        task, _scope_='mmdet', backbone=dict(type='ResNet', depth=18, base_channels=2, stem_channels=2),
        data_preprocessor=dict(type='DetDataPreprocessor', mean=[120.0, 110.0, 100.0], std=[60.0] * 3, bgr_to_rgb=True,
                               pad_size_divisor=pad_size_divisor))
    model = MODELS.build(ConfigDict(type='TaskGuidedDetector', task=task, scene=dict(
        type='FixedFusion', rule='average')))
    model.task.backbone = Pyramid(maps, channels)
    for name, weight in model.task.named_parameters():
        if weight.dim() > 1 and 'backbone' not in name:
            nn.init.normal_(weight, std=1 if 'embed' in name else weight[0].numel() ** -0.5)
    return model.eval()


def dense(name, options=None, **test_cfg):
    return detector(dict(
        type='SingleStageDetector', bbox_head=dict(HEADS[name], type=name, **options or {}), test_cfg=dict(dict(
            nms_pre=50, score_thr=0.01, conf_thr=0.0, nms=dict(type='nms', iou_threshold=0.5), max_per_img=10),
            **test_cfg)), maps=1 if name == 'YOLOFHead' else 2)


def pair(height, width):
    generator = torch.Generator().manual_seed(2)
    images = (torch.rand(1, channels, 8, 12, generator=generator) for channels in (3, 1))
    return [nn.functional.interpolate(image, (height, width), mode='bilinear') for image in images]


def compare(model, path, size, runtime='onnxruntime'):
    """Compare the boxes of a graph with those that the model predicts; return these."""
    from mmdet.structures import DetDataSample

    inputs = dict(zip(('visible', 'infrared'), pair(*size)))
    sample = DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0)))
    with torch.no_grad():
        found = model(inputs, [sample], mode='predict')[0].pred_instances[:10]  # of YOLOX mmdet gives all
    got = open_graph(str(path), runtime)({name: image.numpy() for name, image in inputs.items()})
    boxes, scores, labels = (torch.from_numpy(got[name]) for name in ('boxes', 'scores', 'labels'))
    assert len(found) == len(boxes) > 2 and found.bboxes.std(0).max() > 0.05
    torch.testing.assert_close(scores, found.scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(boxes, found.bboxes, atol=1e-2, rtol=1e-4)
    assert labels.tolist() == found.labels.tolist()
    return found


@pytest.mark.parametrize('name', HEADS)
def test_every_dense_head_that_is_exported(name, tmp_path):
    """Suppressed in the graph, of a larger size than it was traced with, padded, with more than ``nms_pre`` places."""
    model = dense(name)
    export_onnx(model, tmp_path / 'm.onnx', (64, 64), dynamic=True, nms=True)
    compare(model, tmp_path / 'm.onnx', (93, 128))


@pytest.mark.parametrize(('name', 'options'), [
    ('DDODHead', {}), ('FoveaHead', dict(with_deform=True)), ('NASFCOSHead', {}),
    ('TOODHead', dict(num_dcn=1, anchor_type='anchor_based'))])
def test_heads_with_deformable_convolutions_in_openvino(name, options, tmp_path):
    pytest.importorskip('openvino')
    model = dense(name, options)
    export_onnx(model, tmp_path / 'm.onnx', (93, 128), nms=True)
    compare(model, tmp_path / 'm.onnx', (93, 128))
    compare(model, tmp_path / 'm.onnx', (93, 128), 'openvino')


def test_a_backbone_with_deformable_convolutions(tmp_path):
    onnx = pytest.importorskip('onnx')
    versions = []
    for deformable in (False, True):
        model = dense('RetinaHead')
        if deformable:
            conv = model.task.backbone.stages[1] = MODELS.build(dict(
                type='DCNv2', in_channels=8, out_channels=8, kernel_size=3, stride=2, padding=1))
            nn.init.normal_(conv.conv_offset.weight, std=0.3)
        export_onnx(model, tmp_path / 'm.onnx', (64, 64), dynamic=True, nms=True)
        compare(model, tmp_path / 'm.onnx', (93, 128))
        versions += [entry.version for entry in onnx.load(tmp_path / 'm.onnx').opset_import]
    assert versions == [17, 19]


def test_no_head_of_mmdet_is_forgotten():
    import mmdet.models.dense_heads as heads

    refused = [name for names in REFUSED.values() for name in names]
    exported = [*HEADS, 'RPNHead', *(f'{name}Head' for name in QUERIES)]
    assert len(set(refused + exported)) == len(refused + exported)
    assert set(refused + exported) - {'CLRHead'} == set(heads.__all__) - {'CLRHead'}


def test_a_head_that_no_graph_holds_is_an_error_of_one_line(tmp_path):
    model = detector(dict(type='SingleStageDetector', bbox_head=dict(
        type='CenterNetHead', in_channels=8, feat_channels=8, num_classes=2)), maps=1)
    with pytest.raises(ValueError, match='^CenterNetHead cannot be exported .*dense heads of mmdet, .*[^\\n]$'):
        export_onnx(model, tmp_path / 'm.onnx', (64, 64))
    assert not list(tmp_path.iterdir())


def test_a_detector_with_masks_is_not_exported_without_them():
    model = dense('FCOSHead')
    model.task.mask_head = nn.Identity()  # CondInst and BoxInst are an FCOS beside one
    with pytest.raises(ValueError, match='SingleStageDetector has no head that is exported'):
        fusion_graph(model)


def test_score_voting_is_not_in_a_graph(tmp_path):
    """The boxes are those without, and the file says so; a box may have any side, as in the detector."""
    model = dense('PAAHead', min_bbox_size=50)
    model.task.bbox_head.with_score_voting = True
    export_onnx(model, tmp_path / 'm.onnx', (64, 64), nms=True)
    assert graph_properties(tmp_path / 'm.onnx') == dict(left_out=['score voting'], size_divisor=32, suppressed=True)
    model.task.bbox_head.with_score_voting = False
    compare(model, tmp_path / 'm.onnx', (64, 64))
    export_onnx(model, tmp_path / 'm.onnx', (64, 64))
    assert graph_properties(tmp_path / 'm.onnx') == dict(size_divisor=32, suppressed=False)


def queries(name):
    """Return a detector of queries, of the channels that mmdet has written into it."""
    channels = 8 if name in ('DETR', 'DABDETR', 'DeformableDETR') else 256
    deformable = name in ('DeformableDETR', 'TwoStageDeformableDETR', 'DINO')
    heads = dict(embed_dims=channels, num_heads=2)
    attention = dict(heads, batch_first=True)
    focal = dict(type='FocalLoss', use_sigmoid=True)
    ffn = dict(embed_dims=channels, feedforward_channels=16, ffn_drop=0.0)
    seen = itself = across = attention
    if deformable:
        seen = across = dict(attention, num_levels=2, num_points=2)
    elif name != 'DETR':
        itself, across = dict(heads, cross_attn=False), dict(heads, cross_attn=True)
    if name == 'DABDETR':
        ffn['act_cfg'] = dict(type='PReLU')
    head = dict(num_classes=2, embed_dims=channels, loss_cls=dict(
        type='CrossEntropyLoss', bg_cls_weight=0.1, class_weight=1.0) if name == 'DETR' else focal)
    task = dict(
        type=name.removeprefix('TwoStage'), num_queries=9, test_cfg=dict(max_per_img=9),
        positional_encoding=dict(num_feats=channels // 2, normalize=True),
        encoder=dict(num_layers=1, layer_cfg=dict(self_attn_cfg=seen, ffn_cfg=ffn)),
        decoder=dict(num_layers=2, return_intermediate=True, layer_cfg=dict(
            self_attn_cfg=itself, cross_attn_cfg=across, ffn_cfg=ffn)),
        bbox_head=dict(head, type=f'{name.removeprefix("TwoStage")}Head'))
    if name == 'DABDETR':
        task['decoder'].update(query_dim=4, query_scale_type='cond_elewise', with_modulated_hw_attn=True)
    if deformable:
        task['decoder']['post_norm_cfg'] = None
        task.update(num_feature_levels=2)
    if name in ('DINO', 'TwoStageDeformableDETR'):
        task.update(with_box_refine=True, as_two_stage=True)
    if name == 'DINO':
        task['dn_cfg'] = dict(label_noise_scale=0.5, box_noise_scale=1.0, group_cfg=dict(
            dynamic=True, num_groups=None, num_dn_queries=10))
    return detector(task, maps=2 if deformable else 1, channels=channels, pad_size_divisor=1)


@pytest.mark.parametrize('name', [
    'DETR', 'ConditionalDETR', 'DeformableDETR', 'DINO',
    *(pytest.param(name, marks=pytest.mark.slow) for name in ('DABDETR', 'TwoStageDeformableDETR'))])
def test_detectors_of_queries_at_any_size(name, tmp_path):
    """There is nothing to suppress: an inferencer takes the graph as it is, and ``nms`` changes nothing."""
    model = queries(name)
    path = tmp_path / 'm.onnx'
    export_onnx(model, path, (64, 64), dynamic=True, nms=name == 'DETR')
    assert graph_properties(path) == dict(size_divisor=1, suppressed=True)
    compare(model, path, (93, 128))
    assert ExportedModel(path).has_task


@pytest.mark.parametrize('name', [
    'DETR', *(pytest.param(name, marks=pytest.mark.slow) for name in ('ConditionalDETR', 'DeformableDETR', 'DINO'))])
def test_openvino_finds_the_same_by_queries(name, tmp_path):
    pytest.importorskip('openvino')
    model = queries(name)
    export_onnx(model, tmp_path / 'm.onnx', (64, 64))
    compare(model, tmp_path / 'm.onnx', (64, 64), 'openvino')


FULLY_CONNECTED = dict(
    type='Shared2FCBBoxHead', in_channels=8, fc_out_channels=16, roi_feat_size=3, num_classes=2)


def faster_rcnn(score_thr=0.2, bbox_head=FULLY_CONNECTED):
    nms = dict(type='nms', iou_threshold=0.5)
    return detector(dict(
        type='FasterRCNN', train_cfg=None, rpn_head=dict(
            type='RPNHead', in_channels=8, feat_channels=8, anchor_generator=dict(
                type='AnchorGenerator', scales=[1, 3], ratios=[0.5, 2.0], strides=STRIDES)),
        roi_head=dict(
            type='StandardRoIHead', bbox_roi_extractor=dict(
                type='SingleRoIExtractor', out_channels=8, featmap_strides=STRIDES, finest_scale=20,
                roi_layer=dict(type='RoIAlign', output_size=3, sampling_ratio=0)),
            bbox_head=bbox_head),
        test_cfg=dict(rpn=dict(nms_pre=50, max_per_img=30, nms=nms, min_bbox_size=0),
                      rcnn=dict(score_thr=score_thr, nms=nms, max_per_img=10))))


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_two_stages(runtime, tmp_path):
    pytest.importorskip(runtime)
    model = faster_rcnn()
    export_onnx(model, tmp_path / 'm.onnx', (64, 64), dynamic=True, nms=True)
    assert graph_properties(tmp_path / 'm.onnx')['suppressed']
    compare(model, tmp_path / 'm.onnx', (93, 128), runtime)


def test_two_stages_of_another_kind(tmp_path):
    model = faster_rcnn()
    export_onnx(model, tmp_path / 'm.onnx', (64, 64))
    with pytest.raises(ValueError, match='gives every candidate for a box. Export it again with --nms'):
        ExportedModel(tmp_path / 'm.onnx')  # its proposals are suppressed, its boxes are not
    model.task.test_cfg.rpn.nms = dict(type='soft_nms')
    with pytest.raises(ValueError, match='soft_nms'):
        fusion_graph(model)
    model.task.roi_head.bbox_roi_extractor.roi_layers[0].pool_mode = 'max'
    by_buckets = faster_rcnn(bbox_head=dict(  # multiplies its scores by what it thinks of its boxes
        type='SABLHead', num_classes=2, cls_in_channels=8, reg_in_channels=8, roi_feat_size=3,
        bbox_coder=dict(type='BucketingBBoxCoder', num_buckets=6, scale_factor=1.7)))
    for other in (model, by_buckets):
        with pytest.raises(ValueError, match='FasterRCNN has no head that is exported'):
            fusion_graph(other)
