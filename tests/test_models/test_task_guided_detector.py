"""A scene module in front of mmdet's detectors."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmfusenas.models.scene.base_scene import luma
from mmfusenas.models.utils.bounded import bounded
from mmfusenas.registry import MODELS

pytest.importorskip('mmdet')
from mmdet.models.losses import CrossEntropyLoss  # noqa: E402
from mmdet.registry import MODELS as MMDET_MODELS  # noqa: E402
from mmdet.structures import DetDataSample  # noqa: E402

SHAPE = (61, 83)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')


def retinanet(**changes):
    return dict(dict(
        _scope_='mmdet', type='RetinaNet',
        data_preprocessor=dict(type='DetDataPreprocessor', mean=[100.0, 110.0, 120.0], std=[50.0] * 3, bgr_to_rgb=True,
                               pad_size_divisor=32),
        backbone=dict(type='ResNet', depth=18, base_channels=8, out_indices=(1, 2, 3)),
        neck=dict(type='FPN', out_channels=8, num_outs=3),
        bbox_head=dict(type='RetinaHead', num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1,
                       anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=1,
                                             ratios=[1.0], strides=[8, 16, 32])),
        train_cfg=dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0),
                       sampler=dict(type='PseudoSampler'), allowed_border=-1, pos_weight=-1),
        test_cfg=dict(nms_pre=100, score_thr=0.0, nms=dict(type='nms', iou_threshold=0.5), max_per_img=5)), **changes)


def ssd():
    return dict(
        _scope_='mmdet', type='SingleStageDetector', data_preprocessor=dict(type='DetDataPreprocessor'),
        backbone=dict(type='ResNet', depth=18, base_channels=8, out_indices=(1, 2, 3)),
        neck=dict(type='FPN', out_channels=8, num_outs=3),
        bbox_head=dict(type='SSDHead', in_channels=(8, 8, 8), num_classes=2,
                       anchor_generator=dict(type='SSDAnchorGenerator', scale_major=False, input_size=300,
                                             basesize_ratio_range=(0.2, 0.9), strides=[8, 16, 32],
                                             ratios=[[2], [2], [2]])),
        train_cfg=dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.0,
                                     gt_max_assign_all=False),
                       sampler=dict(type='PseudoSampler'), smoothl1_beta=1.0, allowed_border=-1, pos_weight=-1,
                       neg_pos_ratio=3),
        test_cfg=dict(nms_pre=100, nms=dict(type='nms', iou_threshold=0.45), min_bbox_size=0, score_thr=0.0,
                      max_per_img=5))


def build(task=None, scene=None, **options):
    scene = scene or dict(type='TIMFusion', genotype='tim-light', channels=8, loss=dict(type='FusionLoss'))
    torch.manual_seed(0)
    return MODELS.build(dict(type='TaskGuidedDetector', scene=scene, task=task or retinanet(), **options))


def batch(shapes=(SHAPE, SHAPE), seed=0):
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for height, width in shapes:
        sample = DetDataSample(metainfo=dict(img_shape=(height, width), ori_shape=(height, width), scale_factor=(1, 1),
                                             img_path='visible.png', infrared_path='infrared.png', img_id=0))
        sample.gt_instances = InstanceData(bboxes=torch.tensor([[10.0, 12, 42, 44]]), labels=torch.tensor([1]))
        samples.append(sample)
    images = [torch.randint(0, 256, (4, *shape), generator=generator, dtype=torch.uint8) for shape in shapes]
    inputs = dict(visible=[p[:3] for p in images], infrared=[p[3:] for p in images])
    return dict(inputs=inputs, data_samples=samples)


def dino(**changes):
    # mmdet's encoding of reference points is for 256 channels.
    embed = dict(embed_dims=256, num_levels=2)
    return dict(dict(
        _scope_='mmdet', type='DINO', num_queries=900, with_box_refine=True, as_two_stage=True,
        data_preprocessor=dict(type='DetDataPreprocessor'),
        backbone=dict(type='ResNet', depth=18, base_channels=8, out_indices=(1, 2)),
        neck=dict(type='ChannelMapper', kernel_size=1, out_channels=256, act_cfg=None,
                  norm_cfg=dict(type='GN', num_groups=4), num_outs=2),
        encoder=dict(num_layers=1, layer_cfg=dict(
            self_attn_cfg=embed, ffn_cfg=dict(embed_dims=256, feedforward_channels=32))),
        decoder=dict(num_layers=1, return_intermediate=True, post_norm_cfg=None, layer_cfg=dict(
            self_attn_cfg=dict(embed_dims=256, num_heads=4), cross_attn_cfg=embed,
            ffn_cfg=dict(embed_dims=256, feedforward_channels=32))),
        positional_encoding=dict(num_feats=128, normalize=True, temperature=20),
        bbox_head=dict(type='DINOHead', num_classes=2, embed_dims=256,
                       loss_cls=dict(type='FocalLoss', use_sigmoid=True)),
        dn_cfg=dict(group_cfg=dict(dynamic=True, num_groups=None, num_dn_queries=10)),
        train_cfg=dict(assigner=dict(type='HungarianAssigner', match_costs=[
            dict(type='FocalLossCost', weight=2.0), dict(type='BBoxL1Cost', weight=5.0, box_format='xywh')])),
        test_cfg=dict(max_per_img=300)), **changes)


@pytest.mark.parametrize('mode', ['predict', pytest.param('loss', marks=pytest.mark.slow)])
def test_more_queries_than_positions_are_named(mode):
    data = batch([(40, 40)] * 2)
    model = build(dino()).train(mode == 'loss')
    message = r'DINO chooses num_queries=900 .* max_per_img=300 .* image of 40 x 40 .* model.task.num_queries'
    with pytest.raises(ValueError, match=message):
        model(**model.data_preprocessor(data, True), mode=mode)
    fitting = build(dino(num_queries=20, test_cfg=dict(max_per_img=40))).train(mode == 'loss')
    fitting.task.init_weights()
    fitting(**fitting.data_preprocessor(data, True), mode=mode)


def test_layers_that_levels_share_are_optimised_once(root: Path):
    head = dict(
        type='RTMDetSepBNHead', num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1, share_conv=True,
        anchor_generator=dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32]))
    model = build(retinanet(type='RTMDet', bbox_head=head))
    for schedule in ('adamw_12e', 'adamw_2k'):
        cfg = Config.fromfile(root / f'configs/_base_/schedules/{schedule}.py').optim_wrapper
        groups = build_optim_wrapper(model, cfg).optimizer.param_groups
        assert sum(len(group['params']) for group in groups) == len(list(model.parameters()))


def losses(model, data):
    prepared = model.data_preprocessor(data, True)
    return model(**prepared, mode='loss')


def grads(model, part):
    return [p.grad for p in getattr(model, part).parameters() if p.requires_grad]


@pytest.mark.parametrize('task', [retinanet, ssd])
def test_loss_is_task_plus_eta_times_scene(task):
    """Each term against the part that it comes from: mmdet's own on the image of the scene, and the scene's loss."""
    model = build(task(), eta=0.25).train()
    data = batch()
    inputs = model.data_preprocessor(data, True)['inputs']
    with torch.no_grad():
        image = model.scene.images(inputs)['image']
        photographs = list((image.clamp(0, 1) * 255).unbind())
        prepared = model.task.data_preprocessor(dict(inputs=photographs, data_samples=data['data_samples']), True)
        own = model.task(**prepared, mode='loss')
        scene = model.scene.loss(luma(image), luma(inputs['visible']), inputs['infrared'])
        found = {}
        for stage in ('joint', 'scene', 'task'):
            model.stage = stage
            found[stage] = losses(model, batch())
    scene = {f'scene.{name}': value for name, value in scene.items()}
    for stage, expected in (('joint', {**own, **{name: 0.25 * value for name, value in scene.items()}}),
                            ('scene', scene)):
        torch.testing.assert_close(found[stage], expected)
    assert set(found['task']) == set(own) == {'loss_cls', 'loss_bbox'}


def test_the_scene_s_loss_leaves_out_the_padding_of_the_batch():
    model = build()
    model.stage = 'scene'
    model.eval()  # BatchNorm would look at the whole batch
    data = batch((SHAPE, (40, 50)))
    whole = losses(model, data)
    images, samples = data['inputs'], data['data_samples']
    single = [losses(model, dict(inputs={name: x[i:i + 1] for name, x in images.items()}, data_samples=[samples[i]]))
              for i in range(2)]
    for name, value in whole.items():
        # The edge beside the padding sees zeros in a batch and nothing alone; with the padding in it were 0.2 off.
        assert value.item() == pytest.approx(sum(each[name].item() for each in single) / 2, rel=0.02)


def test_what_does_not_train_is_not_in_the_graph():
    model = build()
    for stage, trains in (('scene', {'scene'}), ('task', {'task'}), ('joint', {'scene', 'task'})):
        model.train()
        model.stage = stage
        model.zero_grad()
        model.parse_losses(losses(model, batch()))[0].backward()
        for part in ('scene', 'task'):
            found = grads(model, part)
            if part in trains:
                assert sum(g is not None and bool(g.any()) for g in found) > 0.9 * len(found), (stage, part)
            else:
                assert all(g is None for g in found), (stage, part)


def test_a_frozen_scene_keeps_its_statistics():
    model = build()
    model.stage = 'task'
    model.train()
    before = {k: v.clone() for k, v in model.scene.state_dict().items()}
    losses(model, batch())
    assert model.task.training and not model.scene.training
    assert all(torch.equal(before[k], v) for k, v in model.scene.state_dict().items())
    model.stage = 'joint'
    assert model.scene.training


def test_with_norm_eval_an_image_does_not_depend_on_its_neighbours():
    data = batch()
    for norm_eval in (False, True):
        model = build(norm_eval=norm_eval)
        model.train()
        before = {k: v.clone() for k, v in model.scene.state_dict().items()}
        inputs = model.data_preprocessor(data, True)['inputs']
        together = model.scene.images(inputs)['image'][:1]
        alone = model.scene.images({name: value[:1] for name, value in inputs.items()})['image']
        assert torch.allclose(together, alone, atol=1e-5) == norm_eval
        assert all(torch.equal(before[k], v) for k, v in model.scene.state_dict().items()) == norm_eval
        assert model.scene.training
        model.stage = 'scene'  # there the statistics are learnt
        assert all(module.training for module in model.scene.modules())


def test_a_predicted_image_depends_neither_on_its_batch_nor_on_the_padding():
    model = build(scene=dict(type='FixedFusion', rule='average')).eval()
    model.scene.fuse = lambda visible, infrared: visible.mean((2, 3), keepdim=True).expand_as(visible)
    data = batch([(61, 83), (90, 70)])
    for place, sample in enumerate(model.test_step(data)):
        alone, = model.test_step(dict(inputs={name: images[place:place + 1] for name, images in data['inputs'].items()},
                                      data_samples=[data['data_samples'][place].clone()]))
        assert np.array_equal(alone.pred_img, sample.pred_img)


def test_the_scene_of_a_detector_is_computed_in_tiles():
    model, widths = build(scene=dict(type='FixedFusion', rule='average')).eval(), []
    model.scene.tile, fuse = 256, model.scene.fuse
    model.scene.fuse = lambda visible, infrared: widths.append(visible.shape[3]) or fuse(visible, infrared)
    sample, = model.test_step(batch([(64, 700)]))
    assert len(widths) > 1 and max(widths) < 700 and sample.pred_img.shape == (64, 700, 3)


def test_the_task_gradient_reaches_the_fusion_network():
    """It is the task's gradient for the image, through the network that made it."""
    model = build(eta=0.0).train()
    data = batch()
    inputs = model.data_preprocessor(data, True)['inputs']
    weight = model.scene.stem[0].weight
    image = model.scene.images(inputs)['image']
    seen = image.detach().requires_grad_()
    images = list((bounded(seen, 0.0, 1.0) * 255).unbind())
    prepared = model.task.data_preprocessor(dict(inputs=images, data_samples=data['data_samples']), True)
    gradient, = torch.autograd.grad(model.task.parse_losses(model.task(**prepared, mode='loss'))[0], seen)
    expected, = torch.autograd.grad(image, weight, gradient)
    found, = torch.autograd.grad(model.parse_losses(losses(model, batch()))[0], weight)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert expected.any()


@pytest.mark.parametrize('stage', ['joint', 'separate'])
def test_a_detector_sees_the_sensors_as_channels(stage):
    """Blue, green and red are visible luma, fused luma and infrared; the task's gradient comes by the fused luma."""
    model = build(sees='channels', eta=0.0).train()
    model.stage = stage
    data = model.data_preprocessor(batch(), True)
    inputs, seen = data['inputs'], []
    model.task.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    model.parse_losses(model(**data, mode='loss'))[0].backward()
    fused = luma(model.scene.images(inputs)['image']).clamp(0, 1)
    expected = torch.cat([inputs['infrared'], fused, luma(inputs['visible'])], 1) * 255  # RGB, normalised
    mean = torch.tensor([100.0, 110.0, 120.0]).view(3, 1, 1)
    torch.testing.assert_close(seen[0][..., :SHAPE[0], :SHAPE[1]], (expected - mean) / 50, atol=1e-3, rtol=1e-4)
    assert any(g is not None and g.abs().sum() > 0 for g in grads(model, 'scene')) == (stage == 'joint')
    model.eval()
    with torch.no_grad():
        samples = model(**model.data_preprocessor(batch(), False), mode='predict')
        image = model.scene(**model.data_preprocessor(batch(), False), mode='predict')[0].pred_img
    assert (samples[0].pred_img == image).all()


@pytest.mark.parametrize(('sees', 'rule'), [('fused', 'average'), ('channels', 'visible')])
def test_what_a_task_cannot_see_is_named(sees, rule):
    with pytest.raises(ValueError, match=f"sees='{sees}'"):
        build(sees=sees, scene=dict(type='FixedFusion', rule=rule))


@pytest.mark.parametrize('sees', ['image', 'channels'])
def test_separate_training_is_joint_training_without_guidance(sees):
    """Same losses; the task's gradient is that of joint training, and the scene's that of its own loss times eta."""
    model = build(eta=0.25, norm_eval=True, sees=sees).train()
    found, values = {}, {}
    for stage in ('joint', 'separate', 'scene'):
        model.stage = stage
        model.train()
        model.zero_grad()
        if stage == 'scene':
            for module in model.scene.modules():
                module.eval()  # as norm_eval has it in the two stages before
        values[stage] = losses(model, batch())
        model.parse_losses(values[stage])[0].backward()
        found[stage] = {part: [g.clone() for g in grads(model, part) if g is not None] for part in ('scene', 'task')}
    torch.testing.assert_close(values['separate'], values['joint'])
    torch.testing.assert_close(found['separate']['task'], found['joint']['task'])
    torch.testing.assert_close(found['separate']['scene'], [0.25 * g for g in found['scene']['scene']])
    assert any(not torch.allclose(a, b) for a, b in zip(found['separate']['scene'], found['joint']['scene']))


@pytest.mark.parametrize('task', [retinanet, ssd])
def test_the_detector_sees_the_image_as_it_would_a_photograph(task):
    # With the visible image as the scene, the wrapper is the plain detector on that photograph.
    model = build(task(), scene=dict(type='FixedFusion', rule='visible')).eval()
    torch.manual_seed(0)
    plain = MMDET_MODELS.build(ConfigDict(dict(
        task(), neck=dict(type='FPN', in_channels=[16, 32, 64], out_channels=8, num_outs=3)))).eval()
    if task is ssd:
        plain.bbox_head.loss_cls = CrossEntropyLoss()  # which mmdet's forgets
    plain.load_state_dict(model.task.state_dict())
    data = batch(shapes=((61, 83), (64, 70)))
    with torch.no_grad():
        ours = model.test_step(data)
        theirs = plain.test_step(dict(inputs=data['inputs']['visible'],
                                      data_samples=batch(shapes=((61, 83), (64, 70)))['data_samples']))
    for mine, other, visible in zip(ours, theirs, data['inputs']['visible'], strict=True):
        assert len(mine.pred_instances) == len(other.pred_instances) > 0
        assert torch.allclose(mine.pred_instances.bboxes, other.pred_instances.bboxes, atol=1e-3)
        assert torch.allclose(mine.pred_instances.scores, other.pred_instances.scores, atol=1e-5)
        # The image has the size of the image without the padding of the batch, and its values.
        assert mine.pred_img.shape == (*visible.shape[1:], 3)
        assert mine.fused_img is mine.pred_img
        assert abs(torch.from_numpy(mine.pred_img).permute(2, 0, 1).int() - visible.int()).max() <= 1


def test_the_raw_outputs_are_of_the_same_photograph():
    model = build(scene=dict(type='FixedFusion', rule='visible')).eval()
    data = batch(shapes=((64, 64), ))
    prepared = model.task.data_preprocessor(dict(inputs=data['inputs']['visible'], data_samples=data['data_samples']))
    with torch.no_grad():
        ours, theirs = model(model.data_preprocessor(data)['inputs']), model.task(prepared['inputs'], mode='tensor')
    for mine, other in zip(ours[0], theirs[0], strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


def test_colour_is_kept_and_luma_is_fused():
    model = build(scene=dict(type='FixedFusion', rule='average')).eval()
    data = batch()
    prepared = model.data_preprocessor(data, False)['inputs']
    image = model.scene.images(prepared)['image']
    visible, infrared = prepared['visible'], prepared['infrared']
    assert torch.allclose(luma(image), (luma(visible) + infrared) / 2, atol=1e-6)
    for channel in range(3):
        assert torch.allclose((image - luma(image))[:, channel], (visible - luma(visible))[:, channel], atol=1e-6)


@pytest.mark.parametrize('backbone', [
    dict(type='ResNet', depth=18, base_channels=8, out_indices=(0, 1, 2, 3)),
    dict(type='MobileNetV2', widen_factor=0.25, out_indices=(2, 4, 7)),
    dict(type='mmfusenas.EfficientNetLite'),
])
def test_the_neck_asks_the_backbone_for_its_channels(backbone):
    if 'EfficientNetLite' in backbone['type']:
        pytest.importorskip('efficientnet_lite_pytorch')
    neck = dict(type='mmfusenas.FeatureDistillationNeck', out_channels=8, channels=4, nodes=1, num_outs=4,
                operators=['conv_1', 'skip'])
    head = retinanet()['bbox_head']
    head['anchor_generator']['strides'] = [8, 16, 32, 64]
    model = build(task=retinanet(backbone=backbone, neck=neck, bbox_head=head))
    features = model.task.backbone(torch.zeros(1, 3, 64, 64))
    assert [lateral.in_channels for lateral in model.task.neck.laterals] == [x.shape[1] for x in features]


def test_unknown_modes_and_stages_are_named():
    model = build()
    with pytest.raises(ValueError, match="'warmup'"):
        model.stage = 'warmup'
    with pytest.raises(RuntimeError, match="'lose'"):
        model({}, [], mode='lose')


class Overshooting(torch.nn.Module):
    """A scene whose image leaves [0, 1] at both ends."""

    def __init__(self):
        super().__init__()
        self.low, self.high = (torch.nn.Parameter(torch.tensor(value)) for value in (-0.2, 1.3))

    def images(self, inputs):
        image = torch.zeros_like(inputs['visible']) + self.high
        image[..., :40] = self.low
        return dict(image=image)

    def images_of_sizes(self, inputs, data_samples):
        return self.images(inputs)

    def losses(self, images, inputs):
        return {}


def test_the_task_sees_in_training_the_image_that_it_sees_in_the_test():
    model, seen = build(), []
    model.scene = Overshooting()
    model.task.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    losses(model, batch())
    with torch.no_grad():
        model.eval().test_step(batch())
        model(model.data_preprocessor(batch(), False)['inputs'])
    training, test, tensor = seen
    assert torch.equal(training, test)
    assert torch.equal(test[..., :SHAPE[0], :SHAPE[1]], tensor)


@pytest.mark.parametrize('sign', [1, -1])
def test_the_task_brings_back_what_has_left_the_range(sign):
    model = build()
    model.scene = Overshooting()
    model.task.loss = lambda images, samples: dict(loss=sign * images.sum())
    sum(losses(model, batch()).values()).backward()
    low, high = model.scene.low.grad, model.scene.high.grad
    # A loss that falls with the brightness raises what is below 0, and leaves what is above 1.
    assert (low == 0 and high > 0) if sign > 0 else (low < 0 and high == 0)
