"""Graphs of mmseg's segmentors label as the segmentors do: every decode head that is exported."""
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from torch import nn

from mmfusenas.apis.exported_model import open_graph
from mmfusenas.apis.exporting import export_onnx
from mmfusenas.apis.onnx_graphs import attention_masks, draw_bases
from mmfusenas.registry import MODELS

pytest.importorskip('onnxruntime')
pytest.importorskip('mmseg')

ONE = dict(in_channels=8, in_index=3, channels=8, num_classes=3, norm_cfg=dict(type='BN'))
ALL = dict(ONE, in_channels=[8] * 4, in_index=[0, 1, 2, 3])
SEVERAL = dict(ALL, input_transform='multiple_select')
ATTENTION = dict(embed_dims=8, num_heads=2, batch_first=True)
FFN = dict(embed_dims=8, feedforward_channels=16)
MASKS = dict(
    in_channels=[8] * 4, in_index=[0, 1, 2, 3], feat_channels=8, out_channels=8, num_classes=3, num_queries=5,
    enforce_decoder_input_project=False, positional_encoding=dict(num_feats=4, normalize=True),
    transformer_decoder=dict(return_intermediate=True, num_layers=2, layer_cfg=dict(
        self_attn_cfg=ATTENTION, cross_attn_cfg=ATTENTION, ffn_cfg=FFN)),
    loss_cls=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=False, class_weight=[1.0] * 3 + [0.1]),
    loss_mask=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True),
    loss_dice=dict(type='mmdet.DiceLoss', use_sigmoid=True, activate=True, naive_dice=True))
HEADS = dict(
    ANNHead=dict(ONE, in_channels=[8, 8], in_index=[2, 3], project_channels=8),
    APCHead=ONE,
    ASPPHead=dict(ONE, dilations=(1, 2)),
    CCHead=ONE,
    DAHead=dict(ONE, pam_channels=8),
    DDRHead=dict(ONE, in_index=-1),
    DepthwiseSeparableASPPHead=dict(ONE, dilations=(1, 2), c1_in_channels=8, c1_channels=8),
    DepthwiseSeparableFCNHead=ONE,
    DMHead=ONE,
    DNLHead=ONE,
    DPTHead=dict(SEVERAL, embed_dims=8, post_process_channels=[8] * 4, patch_size=8),
    EMAHead=dict(ONE, ema_channels=8, num_bases=4, num_stages=2),
    EncHead=dict(ALL, num_codes=4),
    FCNHead=ONE,
    FPNHead=dict(ALL, feature_strides=[4, 8, 16, 32]),
    GCHead=ONE,
    ISAHead=dict(ONE, isa_channels=8, down_factor=(2, 2)),
    IterativeDecodeHead=dict(
        num_stages=2, kernel_generate_head=dict(ONE, type='FCNHead', num_convs=2), kernel_update_head=[dict(
            type='KernelUpdateHead', num_classes=3, num_ffn_fcs=2, num_heads=2, num_mask_fcs=1, feedforward_channels=16,
            in_channels=8, out_channels=8, conv_kernel_size=1, with_ffn=True, ffn_act_cfg=dict(type='ReLU'),
            feat_transform_cfg=dict(conv_cfg=dict(type='Conv2d'), act_cfg=None), kernel_updator_cfg=dict(
                type='KernelUpdator', in_channels=8, feat_channels=8, out_channels=8, act_cfg=dict(type='ReLU'),
                norm_cfg=dict(type='LN')))] * 2),
    LightHamHead=dict(ALL, ham_channels=8, ham_kwargs=dict(MD_R=4)),
    LRASPPHead=dict(SEVERAL, in_channels=[8] * 3, in_index=[0, 1, 2], branch_channels=(8, 8)),
    Mask2FormerHead=dict(
        {key: value for key, value in MASKS.items() if key != 'in_index'}, strides=[4, 8, 16, 32],
        num_transformer_feat_level=3, pixel_decoder=dict(
            type='mmdet.MSDeformAttnPixelDecoder', num_outs=3, norm_cfg=dict(type='GN', num_groups=2),
            positional_encoding=dict(num_feats=4, normalize=True), encoder=dict(num_layers=1, layer_cfg=dict(
                self_attn_cfg=dict(ATTENTION, num_levels=3, num_points=2), ffn_cfg=FFN)))),
    MaskFormerHead=dict(MASKS, pixel_decoder=dict(type='mmdet.PixelDecoder', norm_cfg=dict(type='GN', num_groups=2))),
    NLHead=ONE,
    OCRHead=[dict(ONE, type='FCNHead'), dict(ONE, ocr_channels=8)],
    PIDHead=dict(ONE, in_index=-1),
    PointHead=[dict(ALL, type='FPNHead', feature_strides=[4, 8, 16, 32]),
               dict(in_channels=[8], in_index=[0], channels=8, num_classes=3, num_fcs=1)],
    PSAHead=dict(ONE, mask_size=(3, 5)),
    PSPHead=ONE,
    SegformerHead=ALL,
    SegmenterMaskTransformerHead=dict(
        in_channels=8, in_index=3, channels=8, num_classes=3, num_layers=1, num_heads=2, embed_dims=8),
    SETRMLAHead=dict(ALL, channels=32, mla_channels=8),
    SETRUPHead=ONE,
    STDCHead=dict(ONE, num_convs=1, boundary_threshold=0.1),
    UPerHead=ALL)


ONE_SIZE = (
    'ANNHead', 'APCHead', 'DMHead', 'ISAHead', 'IterativeDecodeHead', 'MaskFormerHead', 'PSAHead', 'PSPHead',
    'UPerHead')
"""Heads whose graph takes images of the size that it was traced with."""
REFUSED = ('SideAdapterCLIPHead', 'VPDDepthHead')
"""Heads that are not exported; docs/en/inference.md says why."""
PARTS = ('KernelUpdateHead', 'KernelUpdator')


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')
    torch.manual_seed(0)


class Maps(nn.Module):
    """Four maps of 8 channels in the place of a backbone; each with a token, or the last alone, as a head has it."""

    def __init__(self, head):
        super().__init__()
        self.head = head
        vit = head in ('DPTHead', 'SETRMLAHead')
        strides = (8, 1, 1, 1) if vit else (1, 1, 1, 1) if head == 'LRASPPHead' else (4, 2, 2, 2)
        self.stages = nn.ModuleList([nn.Conv2d(3 if n == 0 else 8, 8, 3, s, 1) for n, s in enumerate(strides)])

    def forward(self, x):
        maps = []
        for stage in self.stages:
            x = stage(x).tanh()
            maps.append(x)
        if self.head == 'DPTHead':
            return [[values, values.mean((2, 3))] for values in maps]
        return maps[-1] if self.head in ('DDRHead', 'PIDHead') else maps


def segmentor(name):
    heads = HEADS[name]
    if isinstance(heads, list):
        heads = [heads[0], dict(heads[1], type=name)]
    else:
        heads = dict(heads, type=name)
    kind = dict(type='CascadeEncoderDecoder', num_stages=2) if isinstance(heads, list) else dict(type='EncoderDecoder')
    task = dict(
        kind, _scope_='mmseg', decode_head=heads, train_cfg={}, backbone=dict(
            type='ResNetV1c', depth=18, base_channels=2, stem_channels=2),
        test_cfg=dict(mode='whole', subdivision_steps=1, subdivision_num_points=16, scale_factor=2),
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0] * 3, bgr_to_rgb=True,
                               size_divisor=32))
    model = MODELS.build(ConfigDict(type='TaskGuidedSegmentor', task=task, scene=dict(
        type='FixedFusion', rule='average')))
    model.task.backbone = Maps(name)
    for weight in model.task.parameters():
        nn.init.normal_(weight, std=weight[0].numel() ** -0.5 if weight.dim() > 1 else 0.5)
    return model.eval()


@pytest.mark.parametrize('name', HEADS)
def test_every_decode_head_that_is_exported(name, tmp_path):
    from mmseg.structures import SegDataSample

    model, size = segmentor(name), (64, 160) if name == 'DPTHead' else (61, 150)  # its maps are of several scales
    generator = torch.Generator().manual_seed(2)
    inputs = {sensor: torch.rand(1, channels, *size, generator=generator)
              for sensor, channels in (('visible', 3), ('infrared', 1))}
    sample = SegDataSample(metainfo=dict(img_shape=size, ori_shape=size))
    if name == 'LightHamHead':
        draw_bases(model.task.decode_head)  # it draws others for every image
    with torch.no_grad():
        expected = model(inputs, [sample], mode='predict')[0].seg_logits.data
    dynamic = name not in ONE_SIZE
    export_onnx(model, tmp_path / 'm.onnx', (64, 96) if dynamic else size, dynamic)
    got = open_graph(str(tmp_path / 'm.onnx'), 'onnxruntime')({key: image.numpy() for key, image in inputs.items()})
    torch.testing.assert_close(torch.from_numpy(got['logits'][0]), expected, atol=1e-4, rtol=1e-3)
    assert expected.std() > 1e-3


@pytest.mark.parametrize('name', ONE_SIZE)
def test_a_head_of_one_size_is_an_error_at_any_size(name, tmp_path):
    with pytest.raises((ValueError, RuntimeError), match='of a fixed size may.*: give --shape H W'):
        export_onnx(segmentor(name), tmp_path / 'm.onnx', (64, 96), dynamic=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('kind', ['collect', 'distribute'])
def test_attention_masks_are_those_of_mmcv(kind):
    from mmcv.ops import PSAMask

    x = torch.rand(2, 15, 4, 6)
    torch.testing.assert_close(attention_masks(x, (3, 5), kind == 'collect'), PSAMask(kind, (3, 5))(x), rtol=0, atol=0)


def test_bases_that_are_drawn_for_every_image_are_drawn_once_in_a_graph(tmp_path):
    model = segmentor('LightHamHead')
    difference = export_onnx(model, tmp_path / 'm.onnx', (64, 96), dynamic=True)
    images = {'visible': torch.rand(1, 3, 64, 96).numpy(), 'infrared': torch.rand(1, 1, 64, 96).numpy()}
    run = open_graph(str(tmp_path / 'm.onnx'), 'onnxruntime')
    assert difference < 1e-4 and (run(images)['logits'] == run(images)['logits']).all()
    assert model.task.decode_head.hamburger.ham.rand_init  # the model itself is left as it was


def test_no_decode_head_of_mmseg_is_forgotten():
    import mmseg.models.decode_heads as heads

    assert sorted([*HEADS, *REFUSED, *PARTS]) == sorted(set(heads.__all__))
