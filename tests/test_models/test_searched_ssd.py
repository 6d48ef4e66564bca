"""RUAS's detector: S3FD's VGG16, the searched neck and head of an SSD, the published genotype, and stock SSDs."""
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import nn

from mmfusenas.models.backbones import S3FDVGG
from mmfusenas.models.cells.searched_conv import OPERATORS_RUAS_TASK, searched_conv
from mmfusenas.models.necks import SearchedSSDNeck
from mmfusenas.models.necks.searched_ssd_neck import L2Norm
from mmfusenas.nas import Choice, Genotype, SearchSpace
from mmfusenas.registry import MODELS

pytest.importorskip('mmdet')
from mmdet.models.necks import SSDNeck  # noqa: E402
from mmdet.models.necks.ssd_neck import L2Norm as StockL2Norm  # noqa: E402
from mmdet.structures import DetDataSample  # noqa: E402
from mmdet.structures.bbox import bbox_overlaps  # noqa: E402

from mmfusenas.models.dense_heads import SearchedSSDHead  # noqa: E402

FEW = ('c_1', 'c_3', 'c_3d2')
SIZES = (8, 16, 32, 64, 128, 256)
STRIDES = (4, 8, 16, 32, 64, 128)
# The published network, layer by layer: channels in, channels out, kernel, dilation, stride.
EXTRAS = [(1024, 256, 7, 1, 1), (256, 512, 7, 1, 2), (512, 128, 7, 1, 1), (128, 256, 3, 1, 2)]
BOXES = [(256, 4, 7, 1, 1), (512, 4, 3, 2, 1), (512, 4, 3, 2, 1), (1024, 4, 3, 2, 1), (512, 4, 3, 2, 1),
         (256, 4, 3, 1, 1)]
CLASSES = [(256, 6, 3, 2, 1), (512, 6, 7, 1, 1), (512, 6, 7, 1, 1), (1024, 6, 5, 1, 1), (512, 6, 5, 2, 1),
           (256, 6, 7, 1, 1)]
# What is tested is the detector; the scene module has tests of its own.
AVERAGE = dict(scene=dict(_delete_=True, type='FixedFusion', rule='average'))
TINY = dict(task=dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, base_channels=4, stem_channels=4),
    neck=dict(extras=((8, 12, 2), (4, 6, 2))),
    bbox_head=dict(in_channels=(4, 8, 16, 32, 12, 6))))


@pytest.fixture(autouse=True, scope='module')
def scope():
    init_default_scope('mmfusenas')


def build(root, *changes, seed=0):
    cfg = Config.fromfile(root / 'configs/_base_/models/ruas_ssd.py')
    for change in changes:
        cfg.merge_from_dict(deepcopy(dict(model=change)))  # merging takes `_delete_` out
    torch.manual_seed(seed)
    return MODELS.build(cfg.model)


@pytest.fixture(scope='module')
def published(root):
    """The published detector, built once: VGG16 is large."""
    model = build(root, AVERAGE)
    model.init_weights()
    return model


def tiny(root, neck=None, bbox_head=None, seed=0):
    """The detector on a ResNet of four channels with few operators; a supernet without genotypes."""
    few = dict(task=dict(neck=dict(operators=FEW, genotype=neck), bbox_head=dict(operators=FEW, genotype=bbox_head)))
    return build(root, AVERAGE, TINY, few, seed=seed)


def batch(shapes=((96, 96), (96, 96))):
    """Noise, and one box a level that is the very anchor of a place there: every level has an object."""
    centres = torch.tensor([stride / 2 + stride * (40 // stride) for stride in STRIDES])
    corners = [centres - torch.tensor(SIZES) / 2, centres + torch.tensor(SIZES) / 2]
    boxes = torch.stack([corners[0], corners[0], corners[1], corners[1]], 1)
    generator, images, samples = torch.Generator().manual_seed(0), [], []
    for shape in shapes:
        sample = DetDataSample(metainfo=dict(img_shape=shape, ori_shape=shape, scale_factor=(1, 1), img_id=0))
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.arange(6) % 5)
        samples.append(sample)
        images.append(torch.randint(0, 256, (4, *shape), generator=generator, dtype=torch.uint8))
    inputs = dict(visible=[p[:3] for p in images], infrared=[p[3:] for p in images])
    return dict(inputs=inputs, data_samples=samples)


def loss(model, data):
    return model.parse_losses(model(**model.data_preprocessor(data, True), mode='loss'))[0]


def layers(convs):
    return [(conv.in_channels, conv.out_channels, *{*conv.kernel_size}, *{*conv.dilation}, *{*conv.stride})
            for conv in convs]


def head(in_channels, strides=(8, 16), **options):
    options.setdefault('anchor_generator', dict(
        type='mmdet.AnchorGenerator', strides=list(strides), ratios=[1.0], scales=[2]))
    return SearchedSSDHead(num_classes=3, in_channels=in_channels, bbox_coder=dict(type='mmdet.DeltaXYWHBBoxCoder'),
                           **options)


# The published detector


def test_published_genotype_is_the_published_network(published):
    neck, bbox_head = published.task.neck, published.task.bbox_head
    assert layers(neck.extras) == EXTRAS
    assert layers(bbox_head.reg_convs) == BOXES
    assert layers(bbox_head.cls_convs) == CLASSES
    assert not any(isinstance(module, Choice) for module in published.modules())
    assert [norm.weight.unique().tolist() for norm in neck.l2_norms] == [[10], [8], [5]]
    assert neck.out_channels == tuple(conv[0] for conv in BOXES)


def test_published_genotype_is_of_the_default_space():
    genotype = Genotype.load('ruas-ssd')
    assert len(genotype.choices) == 16
    detector = type('SingleStageDetector', (nn.Module,), {})()
    detector.neck = SearchedSSDNeck((2,) * 4, extras=((2, 2, 2),) * 2)
    detector.bbox_head = head((2,) * 6, STRIDES)
    SearchSpace(detector).check(genotype)
    for name in ('neck', 'bbox_head'):
        part, module = genotype.part(name), getattr(detector, name)
        assert (part.space, part.space_hash) == (type(module).__name__, SearchSpace(module).hash)
        assert all(choice.candidates == OPERATORS_RUAS_TASK for choice in SearchSpace(module).choices.values())
    assert OPERATORS_RUAS_TASK == ('c_1', 'c_3', 'c_5', 'c_7', 'c_3d2', 'c_5d2', 'c_7d2', 'c_3d6', 'c_3d12', 'c_3d18')


def test_one_square_anchor_stands_at_the_centre_of_every_place(published):
    priors = published.task.bbox_head.prior_generator.grid_priors([(2, 3)] * 6, device='cpu')
    for boxes, size, stride in zip(priors, SIZES, STRIDES, strict=True):
        assert (boxes[:, 2:] - boxes[:, :2]).tolist() == [[size, size]] * 6
        centres = ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist()
        assert centres == [[(j + 0.5) * stride, (i + 0.5) * stride] for i in range(2) for j in range(3)]


@torch.no_grad()
def test_levels_are_the_image_over_the_stride_rounded_up(published):
    scores, boxes = published(dict(visible=torch.rand(1, 3, 131, 70), infrared=torch.rand(1, 1, 131, 70)))
    sizes = [(-(-131 // stride), -(-70 // stride)) for stride in STRIDES]
    assert [tuple(x.shape[1:]) for x in scores] == [(6, *size) for size in sizes]
    assert [tuple(x.shape[1:]) for x in boxes] == [(4, *size) for size in sizes]


def test_loss_reaches_the_whole_detector_also_from_a_padded_batch(published):
    published.train()
    # The second image is smaller: its padding is black, and VGG makes nothing but zeros of it.
    value = loss(published, batch(((96, 96), (33, 61))))
    value.backward()
    assert torch.isfinite(value)
    for name, parameter in published.named_parameters():
        assert torch.isfinite(parameter.grad).all() and parameter.grad.any(), name
    published.zero_grad()


def test_published_detector_predicts_inside_the_images(published):
    with torch.no_grad():
        results = published.eval().test_step(batch(((61, 83), (64, 50))))
    for result, (height, width) in zip(results, ((61, 83), (64, 50)), strict=True):
        boxes = result.pred_instances.bboxes
        assert len(boxes) == len(result.pred_instances.scores) > 0
        assert (boxes >= 0).all() and (boxes <= torch.tensor([width, height, width, height])).all()
        assert result.pred_img.shape == (height, width, 3)


def test_the_scene_module_of_the_config_learns_from_the_detector(root):
    model = build(root, TINY)
    assert type(model.scene).__name__ == 'RUASScene' and model.scene.warm_start == 'feature'
    assert len(SearchSpace(model)) == 0
    loss(model, batch()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert sum(float(p.grad.abs().sum()) for p in model.scene.parameters()) > 0


def test_a_resnet_takes_the_place_of_vgg(root):
    model = build(root, AVERAGE, dict(task=dict(
        backbone=dict(_delete_=True, type='ResNet', depth=50, base_channels=8, stem_channels=8),
        bbox_head=dict(in_channels=(32, 64, 128, 256, 512, 256)))))
    assert layers(model.task.neck.extras) == [(256, *EXTRAS[0][1:]), *EXTRAS[1:]]
    with torch.no_grad():
        scores = model(dict(visible=torch.rand(1, 3, 131, 70), infrared=torch.rand(1, 1, 131, 70)))[0]
    assert [tuple(x.shape[2:]) for x in scores] == [(-(-131 // stride), -(-70 // stride)) for stride in STRIDES]


# The supernet


def test_every_choice_has_a_gradient_through_the_loss_of_the_detector(root):
    model = tiny(root)
    space = SearchSpace(model)
    assert list(space.choices) == [
        *(f'task.neck.extras.{i}' for i in range(4)),
        *(f'task.bbox_head.{part}_convs.{i}' for part in ('reg', 'cls') for i in range(6))]
    space.relax()
    alphas = [alpha.requires_grad_() for alpha in space.alphas().values()]
    value = loss(model, batch())
    for name, gradient in zip(space.choices, torch.autograd.grad(value, alphas), strict=True):
        assert torch.isfinite(gradient).all() and (gradient != 0).all(), name


def test_an_undecided_detector_does_not_run(root):
    with pytest.raises(RuntimeError, match='neither relaxed nor fixed'):
        loss(tiny(root), batch())


def test_derived_detector_equals_the_supernet_with_those_choices(root, tmp_path):
    model = tiny(root).eval()
    space = SearchSpace(model)
    space.select(space.sample(torch.Generator().manual_seed(3)))
    genotype = space.genotype()
    assert set(genotype.choices.values()) == set(FEW) and set(genotype.parts) == {'task.neck', 'task.bbox_head'}
    inputs = dict(visible=torch.rand(1, 3, 61, 83), infrared=torch.rand(1, 1, 61, 83))
    derived = space.derive(genotype)
    genotype.save(tmp_path / 'found.json')
    rebuilt = tiny(root, f'{tmp_path}/found.json#task.neck', f'{tmp_path}/found.json#task.bbox_head', seed=1).eval()
    rebuilt.load_state_dict(derived.state_dict())
    with torch.no_grad():
        for network in (derived, rebuilt):
            assert not any(isinstance(module, Choice) for module in network.modules())
            for got, wanted in zip(network(inputs), model(inputs), strict=True):
                assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(got, wanted, strict=True))


def test_it_learns_an_object_of_every_level(root):
    model = build(root, AVERAGE, TINY)
    model.init_weights()
    optimizer, data = torch.optim.Adam(model.parameters(), 3e-3), batch()
    for _ in range(90):
        optimizer.zero_grad()
        loss(model, data).backward()
        optimizer.step()
    with torch.no_grad():
        found, _ = model.eval()(**model.data_preprocessor(data), mode='predict')
    best, wanted = found.pred_instances[found.pred_instances.scores > 0.5], found.gt_instances
    overlaps = bbox_overlaps(best.bboxes, wanted.bboxes.clamp(0, 96))
    assert len(best) == len(SIZES) and (overlaps.amax(0) > 0.8).all()
    same = (best.labels[:, None] == wanted.labels) & (overlaps > 0.8)
    assert same.any(0).all() and same.any(1).all()


# The neck


def test_neck_is_normalised_levels_and_pairs_of_convolutions():
    torch.manual_seed(0)
    neck = SearchedSSDNeck((4, 6, 8), extras=((3, 5, 2), (2, 4, 1)), l2_norm_scales=(10, 8))
    space = SearchSpace(neck)
    space.select({'extras.0': 'c_7', 'extras.1': 'c_3d2', 'extras.2': 'c_1', 'extras.3': 'c_5'})
    c3, c4, c5 = inputs = [torch.randn(2, c, *s) for c, s in ((4, (17, 21)), (6, (9, 11)), (8, (5, 6)))]
    conv = [choice.get_submodule(choice.selected) for choice in neck.extras]
    x = F.relu(F.conv2d(c5, conv[0].weight, conv[0].bias, padding=3))
    p6 = F.relu(F.conv2d(x, conv[1].weight, conv[1].bias, padding=2, dilation=2, stride=2))
    x = F.relu(F.conv2d(p6, conv[2].weight, conv[2].bias))
    p7 = F.relu(F.conv2d(x, conv[3].weight, conv[3].bias, padding=2))
    n3, n4 = (scale * x / x.square().sum(1, keepdim=True).sqrt() for scale, x in ((10, c3), (8, c4)))
    for got, wanted in zip(neck(inputs), (n3, n4, c5, p6, p7), strict=True):
        assert torch.allclose(got, wanted, atol=1e-5)


def test_all_candidates_give_the_same_sizes():
    neck = SearchedSSDNeck((4, 6), extras=((3, 5, 2), (2, 4, 2)), l2_norm_scales=(10,))
    for name in OPERATORS_RUAS_TASK:
        SearchSpace(neck).select(dict.fromkeys(SearchSpace(neck).choices, name))
        outputs = neck([torch.rand(1, 4, 17, 22), torch.rand(1, 6, 9, 11)])
        assert [tuple(x.shape[1:]) for x in outputs] == [(4, 17, 22), (6, 9, 11), (5, 5, 6), (4, 3, 3)], name


def test_l2_norm_is_that_of_mmdet_but_for_features_of_zeros():
    x = torch.randn(2, 4, 3, 3, dtype=torch.float64)
    ours, stock = L2Norm(4, 10), StockL2Norm(4, 10)
    nn.init.constant_(stock.weight, 10)
    assert torch.allclose(ours(x), stock(x), atol=1e-5)
    x[..., 0] = 0
    x.requires_grad_()
    ours(x).sum().backward()
    assert torch.isfinite(x.grad).all() and not ours(x)[..., 0].any()
    half = torch.full((1, 4, 1, 1), 500.0, dtype=torch.float16)  # squares beyond its range
    assert torch.allclose(ours(half), torch.tensor(5.0, dtype=torch.float16))


def test_bad_necks_are_named():
    with pytest.raises(ValueError, match=r'l2_norm_scales=\(10, 8, 5\) for the 2 levels of in_channels=\(4, 8\)'):
        SearchedSSDNeck((4, 8))
    with pytest.raises(ValueError, match='SearchedSSDNeck got extras=.*as .channels, channels, stride.'):
        SearchedSSDNeck((4, 8, 8), extras=((4, 8),))
    with pytest.raises(ValueError, match='built for 2 levels and got 1'):
        SearchedSSDNeck((4, 8), extras=(), l2_norm_scales=())([torch.rand(1, 4, 8, 8)])
    with pytest.raises(ValueError, match="'rc_3' cannot stand where 4 channels become 8 at a stride of 2"):
        searched_conv(4, 8, ('c_3', 'rc_3'), stride=2)
    with pytest.raises(ValueError, match="no choice 'reg_convs.0'"):
        SearchedSSDNeck((4, 8, 8), extras=((4, 8, 2),), genotype='ruas-ssd#bbox_head')


# The head


def test_head_has_two_choices_a_level():
    net = head((4, 8), operators=FEW, anchor_generator=dict(
        type='mmdet.SSDAnchorGenerator', strides=[8, 16], ratios=[[2], [2, 3]], min_sizes=[10, 20], max_sizes=[20, 40]))
    space = SearchSpace(net)
    assert list(space.choices) == ['reg_convs.0', 'reg_convs.1', 'cls_convs.0', 'cls_convs.1']
    space.select({'reg_convs.0': 'c_3', 'reg_convs.1': 'c_1', 'cls_convs.0': 'c_3d2', 'cls_convs.1': 'c_3'})
    inputs = [torch.rand(2, 4, 7, 5), torch.rand(2, 8, 4, 3)]
    scores, boxes = net(inputs)
    # Four and six anchors, each with three classes, the background, and a box.
    assert [x.shape[1] for x in (*scores, *boxes)] == [16, 24, 16, 24]
    conv = net.cls_convs[0].c_3d2
    assert torch.allclose(scores[0], F.conv2d(inputs[0], conv.weight, conv.bias, padding=2, dilation=2), atol=1e-6)
    assert torch.equal(boxes[1], net.reg_convs[1].c_1(inputs[1]))


def test_bad_heads_are_named():
    with pytest.raises(ValueError, match='stacked_convs=1.*no towers'):
        head((4, 8), stacked_convs=1)
    with pytest.raises(ValueError, match=r'2 levels \(in_channels=\(4, 8\)\) and an anchor generator of 3'):
        head((4, 8), (8, 16, 32))
    with pytest.raises(ValueError, match="no choice 'extras.0'"):
        head((4, 8), genotype='ruas-ssd#neck')


# mmdet's own SSD


def test_stock_ssd300_is_searched(tmp_path):
    (tmp_path / 'leaf.py').write_text(f"""
_base_ = 'mmdet::ssd/ssd300_coco.py'
model = dict(
    backbone=dict(init_cfg=None),
    neck=dict(_delete_=True, type='mmfusenas.SearchedSSDNeck', in_channels=(512, 1024), l2_norm_scales=(20,),
              extras=((16, 512, 2), (16, 256, 2), (16, 256, 2), (16, 256, 2)), operators={FEW}),
    bbox_head=dict(type='mmfusenas.SearchedSSDHead', operators={FEW},
                   anchor_generator=dict(strides=[8, 16, 32, 64, 128, 256])))
""")
    cfg = Config.fromfile(tmp_path / 'leaf.py').model
    cfg['_scope_'] = 'mmdet'
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    space = SearchSpace(model)
    assert len(space) == 8 + 12
    space.relax()
    data = batch(((128, 128),))
    data = dict(inputs=data['inputs']['visible'], data_samples=data['data_samples'])
    priors = model.bbox_head.prior_generator.grid_priors([(1, 1)] * 6, device='cpu')
    data['data_samples'][0].gt_instances.bboxes = torch.stack([boxes[0] for boxes in priors])  # an object a level
    before = loss(model, data)
    before.backward()
    for name, parameter in model.named_parameters():
        assert name.endswith('alpha') if parameter.grad is None else parameter.grad.any(), name
    torch.optim.SGD(model.parameters(), 1e-4).step()
    with torch.no_grad():
        assert loss(model, data) < before
        assert len(model.eval().test_step(data)[0].pred_instances)


def test_levels_of_ssd512_are_those_of_mmdet():
    stock = SSDNeck((8, 16), (8, 16, 8, 4, 4, 4, 4), (2, 2, 2, 2, 1), (1, 1, 1, 1, 1), last_kernel_size=4)
    nn.init.ones_(stock.l2_norm.weight)
    neck = SearchedSSDNeck((8, 16), extras=((4, 8, 2), *[(2, 4, 2)] * 4), l2_norm_scales=(20,), operators=FEW)
    SearchSpace(neck).relax()
    inputs = [torch.rand(1, 8, 64, 64), torch.rand(1, 16, 32, 32)]
    assert [x.shape for x in neck(inputs)] == [x.shape for x in stock(inputs)]


# The backbone


def vgg16_of_torchvision():
    """Weights under torchvision's names: a convolution stands where the widths say, pools and ReLUs count too."""
    widths = [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M']
    state, index, inputs = {}, 0, 3
    for width in widths:
        if width == 'M':
            index += 1
            continue
        state[f'features.{index}.weight'] = torch.full((width, inputs, 3, 3), 0.001 * (index + 1))
        state[f'features.{index}.bias'] = torch.full((width,), 0.1 * (index + 1))
        index, inputs = index + 2, width
    return {**state, 'classifier.6.weight': torch.zeros(10, 4)}


def test_vgg_takes_the_weights_of_torchvision(tmp_path):
    state = vgg16_of_torchvision()
    torch.save(state, tmp_path / 'vgg16.pth')
    net = S3FDVGG(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg16.pth')))
    net.init_weights()
    ours = net.state_dict()
    new = {name for name in ours if name not in state}
    assert new == {f'features.{i}.{kind}' for i in (31, 33) for kind in ('weight', 'bias')}
    assert all(torch.equal(ours[name], value) for name, value in state.items() if 'features' in name)
    # What the file does not have is Kaiming's: sqrt(2 / (channels out x kernel)), biases of zero.
    assert ours['features.31.weight'].std().item() == pytest.approx((2 / (1024 * 9)) ** 0.5, rel=0.02)
    assert ours['features.33.weight'].std().item() == pytest.approx((2 / 1024) ** 0.5, rel=0.02)
    assert not ours['features.31.bias'].any() and not ours['features.33.bias'].any()


def test_vgg_is_that_of_s3fd(published):
    net = published.task.backbone
    convs = [layer for layer in net.features if isinstance(layer, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0], c.dilation[0], c.padding[0]) for c in convs[-3:]] == [
        (512, 3, 1, 1), (1024, 3, 3, 3), (1024, 1, 1, 0)]
    assert len(convs) == 15
    pools = [layer for layer in net.features if isinstance(layer, nn.MaxPool2d)]
    assert [(p.kernel_size, p.stride, p.ceil_mode) for p in pools] == [(2, 2, True)] * 5
    x, relus = torch.rand(1, 3, 61, 83), []
    with torch.no_grad():
        levels = net(x)
        for layer in net.features:
            x = layer(x)
            relus += [x.clone()] if isinstance(layer, nn.ReLU) else []
    assert [tuple(x.shape[1:]) for x in levels] == [(256, 16, 21), (512, 8, 11), (512, 4, 6), (1024, 2, 3)]
    for got, number in zip(levels, (7, 10, 13, 15), strict=True):  # conv3_3, conv4_3, conv5_3, conv7
        assert torch.equal(got, relus[number - 1])


def test_frozen_stages_of_vgg_stay_as_they_are():
    net = S3FDVGG(frozen_stages=2)
    # From the beginning: DistributedDataParallel looks once.
    fixed = [name for name, p in net.named_parameters() if not p.requires_grad]
    assert fixed == [f'features.{i}.{kind}' for i in (0, 2, 5, 7) for kind in ('weight', 'bias')]
    assert net.train() is net and net.eval() is net
    assert fixed == [name for name, p in net.train().named_parameters() if not p.requires_grad]
    assert all(p.requires_grad for p in S3FDVGG().train().parameters())
    with pytest.raises(ValueError, match='frozen_stages=6; 0 to 5'):
        S3FDVGG(frozen_stages=6)
