"""Registration: the field, the transform that makes one, the loss, and fusion of what was put back."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement
from torch.autograd import gradcheck

from mmfusenas.datasets.transforms import PackPairInputs, RandomDeformation
from mmfusenas.evaluation.metrics import EndpointError, FusionMetric
from mmfusenas.models.losses import RegistrationLoss
from mmfusenas.models.scene import RegistrationNet
from mmfusenas.models.scene.base_scene import luma
from mmfusenas.models.scene.registration_net import _local_contrast
from mmfusenas.models.utils.warp import warp
from mmfusenas.registry import DATASETS, MODELS, TRANSFORMS


def smooth(height=64, width=80, seed=0):
    """An image with structure that interpolation keeps."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, height // 8, width // 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode='bicubic').clamp(0, 1)


def test_warp_looks_up_at_the_displaced_place():
    image = smooth().double()
    flow = torch.zeros(1, 2, 64, 80, dtype=torch.float64)
    flow[:, 0], flow[:, 1] = 3, -2
    moved = warp(image, flow)
    torch.testing.assert_close(moved[..., 2:, :-3], image[..., :-2, 3:])
    assert gradcheck(warp, (torch.rand(1, 1, 5, 6).double().requires_grad_(),
                            (torch.rand(1, 2, 5, 6).double() * 0.4 + 0.3).requires_grad_()))


def deformed(seed=0, **options):
    image = (smooth()[0, 0].numpy() * 255).astype(np.float32)
    return image, RandomDeformation(seed=seed, **options)(dict(img_id=1, infrared=image.copy()))


def test_the_true_field_puts_the_image_back():
    image, results = deformed()
    assert np.abs(results['infrared'] - image).max() > 20 and (results['aligned'] == image).all()
    assert 0.5 < np.linalg.norm(results['flow'], axis=2).mean() < 10
    back = warp(torch.from_numpy(results['infrared'])[None, None],
                torch.from_numpy(results['flow']).permute(2, 0, 1)[None])[0, 0].numpy()
    inside = slice(8, -8)
    assert np.abs(back - image)[inside, inside].mean() < 0.05 * np.abs(results['infrared'] - image)[
        inside, inside].mean()


def test_a_seed_gives_an_image_the_same_deformation_and_none_gives_another():
    assert (deformed(seed=3)[1]['flow'] == deformed(seed=3)[1]['flow']).all()
    assert (deformed(seed=3)[1]['flow'] != deformed(seed=4)[1]['flow']).any()
    np.random.seed(0)
    assert (deformed(seed=None)[1]['flow'] != deformed(seed=None)[1]['flow']).any()
    assert not deformed(rotate=0, translate=0, scale=0, elastic=0)[1]['flow'].any()


def test_loss_is_that_of_the_docstring_and_sees_the_true_field():
    image, results = deformed()
    aligned, source = (torch.from_numpy(x)[None, None].double() / 255 for x in (image, results['infrared']))
    truth = torch.from_numpy(results['flow']).permute(2, 0, 1)[None].double()
    loss = RegistrationLoss()
    at_truth, at_zero = loss(truth, source, aligned), loss(torch.zeros_like(truth), source, aligned)
    assert at_truth['loss_registration'] < 0.3 * at_zero['loss_registration']
    assert at_zero['loss_smoothness'] == 0 and at_truth['loss_smoothness'] > 0
    assert at_zero['loss_reverse'] == pytest.approx(0.2 * at_zero['loss_registration'].item())
    slope = truth.clone().zero_()
    slope[:, 0] = torch.arange(80.0) * 0.4  # 0.4 pixels a pixel, half a width is 40 pixels
    assert loss(slope, source, aligned)['loss_smoothness'].item() == pytest.approx(10 * 0.01 / 2)


def test_the_terms_of_the_loss_one_by_one():
    """Of a whole number of pixels, so that what is moved are indices; the border is repeated."""
    generator = torch.Generator().manual_seed(0)
    source, target = torch.rand(2, 1, 1, 9, 12, dtype=torch.float64, generator=generator)
    flow = torch.zeros(1, 2, 9, 12, dtype=torch.float64)
    flow[:, 0], flow[:, 1] = 2, -1

    def moved(image, x, y):
        return image[..., (torch.arange(9) + y).clamp(0, 8), :][..., (torch.arange(12) + x).clamp(0, 11)]

    def distance(first, second):
        rest = (first - second)[0, 0].numpy()
        return np.abs(np.diff(rest, axis=0)).mean() + np.abs(np.diff(rest, axis=1)).mean()

    losses = RegistrationLoss(reverse_weight=0.3)(flow, source, target)
    assert losses['loss_registration'].item() == pytest.approx(distance(moved(source, 2, -1), target))
    assert losses['loss_reverse'].item() == pytest.approx(0.3 * distance(moved(target, -2, 1), source))
    flow = torch.rand(1, 2, 9, 12, dtype=torch.float64, generator=generator)
    shares = [flow[0, 0].numpy() / 6, flow[0, 1].numpy() / 4.5]  # of half the width, and of half the height
    steps = sum(np.abs(np.diff(np.stack(shares), axis=axis)).mean() for axis in (1, 2))
    found = RegistrationLoss(smoothness_weight=7)(flow, source, target)['loss_smoothness']
    assert found.item() == pytest.approx(7 * steps)


def test_the_true_field_is_learned_from_where_it_is_known():
    flow, truth = torch.rand(2, 1, 2, 8, 9)
    source, target = torch.rand(2, 1, 1, 8, 9)
    loss = RegistrationLoss(field_weight=0.5)
    assert loss(flow, source, target, truth)['loss_field'] == pytest.approx(0.5 * (flow - truth).abs().mean().item())
    with pytest.raises(ValueError, match='RandomDeformation'):
        loss(flow, source, target)
    assert 'loss_field' not in RegistrationLoss()(flow, source, target, truth)


def test_network_has_the_published_size_and_learns_a_shift():
    torch.manual_seed(0)
    net = RegistrationNet()
    assert sum(p.numel() for p in net.parameters()) == 170904
    target = smooth(32, 40)
    source = torch.roll(target, 3, dims=3)
    with torch.no_grad():
        assert net(target, source).abs().max() < 0.5  # hardly anything is moved before training
    loss, optimizer = RegistrationLoss(), torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(60):
        optimizer.zero_grad()
        sum(loss(net(target, source), source, target).values()).backward()
        optimizer.step()
    with torch.no_grad():
        flow = net(target, source)[..., 8:-8, 8:-8]
    assert flow[:, 0].mean() == pytest.approx(3, abs=0.7) and flow[:, 1].mean().abs() < 0.7


def test_features_are_compared_at_every_displacement_up_to_the_radius():
    net = RegistrationNet(radius=2)
    assert sum(p.numel() for p in net.parameters()) == 170904 + 2 * 24 * 48 * 9  # 24 more costs, two sizes
    target = torch.rand(1, 3, 9, 10)
    source = torch.roll(target, (-1, 2), (2, 3))  # what is at p in the target is at p + (2, -1), x before y
    costs = net._cost(target, source)[0, :, 2:-2, 2:-2]
    assert costs.shape == (25, 5, 6)
    assert (costs.mean((1, 2)) == 0).nonzero().tolist() == [[(2 - 1) * 5 + 2 + 2]]
    torch.testing.assert_close(RegistrationNet()._cost(target, source), (target - source).abs().sum(1, keepdim=True))


def test_normalised_images_are_those_of_any_brightness():
    torch.manual_seed(0)
    net = RegistrationNet(radius=1, normalize=True)
    target, source = 100 * smooth(48, 56), 100 * smooth(48, 56, seed=1)
    torch.testing.assert_close(net(target, source), net(2 * target + 30, source), atol=1e-2, rtol=1e-2)
    net.normalize = False
    assert (net(target, source) - net(2 * target + 30, source)).abs().mean() > 1


@pytest.mark.parametrize('size', [(4, 4), (13, 18), (61, 83)])
@pytest.mark.parametrize('options', [{}, dict(radius=3, normalize=True)], ids=['published', 'window'])
def test_any_size(size, options):
    """The field is that of the images whose border is repeated to a multiple of 4 at the right and the bottom."""
    torch.manual_seed(0)
    net = RegistrationNet(**options)
    for field in net.fields:
        torch.nn.init.normal_(field.weight, std=0.3)  # fields of some pixels, which depend on the images
    height, width = size
    pair = torch.rand(2, 1, 1, height, width)
    rows, columns = (torch.arange(-(-side // 4) * 4).clamp(max=side - 1) for side in size)
    with torch.no_grad():
        flow, padded = net(*pair), net(*pair[..., rows, :][..., columns])
    torch.testing.assert_close(flow, padded[..., :height, :width])
    assert flow.shape == (1, 2, height, width) and flow.std() > 0.1


def constant_field(coarse, fine, **options):
    """A network whose estimates are constants: at 1/4 and at 1/2 of the size, each (estimate, correction)."""
    torch.manual_seed(0)
    net = RegistrationNet(**options).eval()
    for step, vectors in enumerate((coarse, fine)):
        for conv, vector in zip((net.fields[step], net.refinements[step][-1]), vectors):
            torch.nn.init.zeros_(conv.weight)
            conv.bias.data = torch.tensor(vector)
    return net


def test_the_field_is_the_sum_of_both_sizes_in_pixels_of_the_whole():
    """4 (estimate + correction at 1/4) + 2 (estimate + correction at 1/2)."""
    net = constant_field(coarse=[(1.0, -2.0), (0.5, 0.25)], fine=[(0.25, 3.0), (-0.5, 1.0)])
    with torch.no_grad():
        flow = net(smooth(16, 24), smooth(16, 24, seed=1))
    expected = torch.tensor([4 * 1.5 - 2 * 0.25, 4 * -1.75 + 2 * 4.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(flow, expected.expand_as(flow))


def test_the_second_estimate_looks_at_what_the_first_has_moved(monkeypatch):
    """Of a source that the first field puts in its place the features at 1/2 do not differ any more."""
    net, costs = constant_field(coarse=[(1.0, -2.0), (0.0, 0.0)], fine=[(0.0, 0.0), (0.0, 0.0)]), []
    cost = net._cost
    monkeypatch.setattr(net, '_cost', lambda *features: costs.append(cost(*features)) or costs[-1])
    source = torch.rand(1, 1, 48, 64)
    target = torch.roll(source, (8, -4), (2, 3))  # target(p) = source(p + (4, -8)), 4 pixels for one at 1/4
    with torch.no_grad():
        net(target, source)
    inside = [cost[..., margin:-margin, margin:-margin] for cost, margin in zip(costs, (4, 8))]
    assert inside[0].mean() > 0.1
    torch.testing.assert_close(inside[1], torch.zeros_like(inside[1]), atol=1e-5, rtol=0)


def test_the_local_contrast_is_that_of_the_window_inside_the_image():
    image = torch.rand(1, 1, 13, 15, dtype=torch.float64)

    def around(x, i, j):
        return x[..., max(i - 4, 0):i + 5, max(j - 4, 0):j + 5].mean()

    places = [(i, j) for i in range(13) for j in range(15)]
    rest = image - torch.stack([around(image, *place) for place in places]).view_as(image)
    deviation = torch.stack([around(rest.square(), *place) for place in places]).view_as(image).sqrt()
    torch.testing.assert_close(_local_contrast(image), rest / (deviation + 0.02))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='RegisteredFusion', _scope_='mmfusenas', registration=dict(type='RegistrationNet'),
        loss=dict(type='RegistrationLoss'),
        fusion=dict(type='TIMFusion', genotype='tim-light', channels=8, loss=dict(type='FusionLoss'))))


@pytest.fixture
def packed():
    image, _ = deformed()
    results = dict(img_id=1, img=np.repeat(image[..., None], 3, 2).astype(np.uint8), infrared=image.astype(np.uint8))
    return PackPairInputs()(RandomDeformation(seed=0)(results))


def test_the_moved_image_is_what_is_fused(model, packed):
    model.eval()
    inputs = model.data_preprocessor(dict(inputs={k: [v] for k, v in packed['inputs'].items()}))['inputs']
    assert set(inputs) == {'visible', 'infrared', 'aligned', 'flow'}
    torch.nn.init.constant_(model.registration.refinements[1][-1].bias, 1.0)  # two pixels at full size
    with torch.no_grad():
        images = model.images(inputs)
        assert images['flow'].mean() == pytest.approx(2, abs=0.3)
        expected = model.fusion.fuse(luma(inputs['visible']), warp(inputs['infrared'], images['flow']))
        torch.testing.assert_close(images['registered'], warp(inputs['infrared'], images['flow']))
    torch.testing.assert_close(luma(images['image']), expected, atol=1e-5, rtol=0)


def test_losses_train_both_and_the_sources_of_the_fusion_stand_for_data(model, packed):
    batch = model.data_preprocessor(dict(inputs={k: [v] for k, v in packed['inputs'].items()}))
    losses = model(**batch, mode='loss')
    assert {'loss_registration', 'loss_reverse', 'loss_smoothness', 'fusion.loss_ssim'} <= set(losses)
    truth = batch['inputs']['aligned']
    images = model.images(batch['inputs'])
    torch.testing.assert_close(losses['loss_registration'], model.loss(
        images['flow'], batch['inputs']['infrared'], truth)['loss_registration'])
    own = sum(value for name, value in losses.items() if name.startswith('fusion.'))
    field, = torch.autograd.grad(own, model.registration.parameters().__next__(), retain_graph=True)
    luma_of, moved = luma(batch['inputs']['visible']), images['registered'].detach()
    constant = model.fusion.loss(luma(model.images(batch['inputs'])['image']), luma_of, moved)
    expected, = torch.autograd.grad(sum(constant.values()), model.registration.parameters().__next__())
    torch.testing.assert_close(field, expected)
    assert field.abs().sum() > 0
    model.parse_losses(losses)[0].backward()
    reached = {name.split('.')[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum()}
    assert reached == {'registration', 'fusion'}


def test_any_scene_module_fuses_and_no_loss_is_no_loss(packed):
    model = MODELS.build(dict(
        type='RegisteredFusion', registration=dict(type='RegistrationNet'), fusion=dict(
            type='TIMEnhancement', loss=dict(type='EnhancementLoss'),
            fusion=dict(type='TIMFusion', genotype='tim-light', channels=4, loss=dict(type='FusionLoss')),
            enhancement=dict(type='EnhancementNet', genotype='tim-enhance', channels=4))))
    batch = model.data_preprocessor(dict(inputs={k: [v] for k, v in packed['inputs'].items()}))
    losses = model(**batch, mode='loss')
    assert set(losses) == {'fusion.loss_intensity', 'fusion.loss_ssim', 'fusion.loss_target', 'fusion.loss_detail',
                           'fusion.fusion.loss_intensity', 'fusion.fusion.loss_gradient', 'fusion.fusion.loss_ssim'}
    model.fusion.loss = None
    assert set(model(**batch, mode='loss')) == {
        'fusion.fusion.loss_intensity', 'fusion.fusion.loss_gradient', 'fusion.fusion.loss_ssim'}


def test_warp_keeps_its_places_under_autocast():
    image = torch.linspace(0, 1, 320).expand(1, 1, 8, 320)
    flow = torch.full((1, 2, 8, 320), 2.5)
    exact = warp(image, flow)
    torch.testing.assert_close(warp(image, flow.bfloat16()), exact)


def test_endpoint_error_against_the_truth(model, packed):
    data = dict(inputs={k: [v] for k, v in packed['inputs'].items()}, data_samples=[packed['data_samples']])
    sample = model.eval().test_step(data)[0]
    assert sample.pred_flow.shape == (64, 80, 2) and sample.pred_img.shape == (64, 80, 3)
    metric = EndpointError()
    metric.process(data, [sample.to_dict()])
    scores = metric.evaluate(size=1)
    assert scores['registration/epe'] == pytest.approx(scores['registration/epe_unregistered'], rel=0.1)
    perfect = BaseDataElement()
    perfect.pred_flow = packed['inputs']['flow'].permute(1, 2, 0).numpy()
    metric.process(data, [perfect.to_dict()])
    assert metric.evaluate(size=1)['registration/epe'] == 0
    with pytest.raises(KeyError, match='RandomDeformation'):
        metric.process(dict(inputs=dict(visible=data['inputs']['visible'])), [dict(pred_flow=sample.pred_flow)])


def test_endpoint_error_by_hand():
    def errors(truth, found):
        metric = EndpointError()
        metric.process(dict(inputs=dict(flow=[truth])), [dict(pred_flow=found)])
        return metric.evaluate(size=1)

    truth = torch.zeros(2, 10, 12)
    truth[0], truth[1] = 3, 4
    none = np.zeros((10, 12, 2))
    assert errors(truth, none) == {'registration/epe': 5, 'registration/epe_unregistered': 5}
    truth[:, :, 8:] = 0
    truth[0, :, 8:] = 30  # from there it leads out of the image
    found = np.repeat(truth.permute(1, 2, 0).numpy()[:, :1], 12, 1) + np.array([0, 2])
    assert errors(truth, found) == {'registration/epe': 2, 'registration/epe_unregistered': 5}


def test_fused_images_are_scored_against_the_image_before_its_deformation(packed):
    fused = np.repeat(packed['inputs']['aligned'].numpy().transpose(1, 2, 0), 3, 2)
    metric = FusionMetric(metric=['SSIM'])
    metric.process(dict(inputs={k: [v] for k, v in packed['inputs'].items()}), [dict(pred_img=fused)])
    assert metric.evaluate(size=1)['fusion/SSIM'] == pytest.approx(2)


def test_a_data_set_may_hold_the_infrared_image_in_register(tmp_path):
    """Given pairs out of register train and are scored by the image in register, boxes or not."""
    init_default_scope('mmfusenas')
    generator = np.random.default_rng(0)
    images = {name: generator.integers(0, 255, (24, 30, 3), np.uint8) for name in ('vi', 'warped', 'ir')}
    for name, image in images.items():
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / '1.png'), image if name == 'vi' else image[..., 0])
    data = DATASETS.build(dict(
        type='PairDataset', data_root=str(tmp_path), data_prefix=dict(img='vi', infrared='warped', aligned='ir'),
        pipeline=[dict(type='LoadPairFromFile'),
                  dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=1.0)]),
                  dict(type='PackPairInputs')]))
    inputs = data[0]['inputs']
    for name, key in (('infrared', 'warped'), ('aligned', 'ir')):
        assert np.array_equal(inputs[name][0].numpy(), images[key][:, ::-1, 0]), name
    model = MODELS.build(dict(
        type='RegisteredFusion', registration=dict(type='RegistrationNet'), loss=dict(type='RegistrationLoss'),
        fusion=dict(type='TIMFusion', genotype='tim-light', channels=8, loss=dict(type='FusionLoss'))))
    batch = model.data_preprocessor(dict(inputs={k: [v] for k, v in inputs.items()}, data_samples=None))['inputs']
    held = model(batch, mode='loss')['loss_registration']
    assert held != model({k: v for k, v in batch.items() if k != 'aligned'}, mode='loss')['loss_registration']


@pytest.mark.parametrize('pack', ['PackPairDetInputs', 'PackPairSegInputs'])
def test_deformed_pairs_of_a_task_keep_the_image_in_register(pack):
    pytest.importorskip('mmdet')
    pytest.importorskip('mmseg')
    init_default_scope('mmfusenas')
    sample = dict(img=np.zeros((24, 30, 3), np.uint8), infrared=np.random.rand(24, 30).astype(np.float32), img_id=0)
    deformed = TRANSFORMS.build(dict(type='RandomDeformation', seed=0))(dict(sample))
    inputs = TRANSFORMS.build(dict(type=pack))(deformed)['inputs']
    assert np.array_equal(inputs['aligned'][0].numpy(), sample['infrared'])
