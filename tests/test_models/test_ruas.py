"""RUAS: the unrolled scene module, the noise modules and their losses, against the paper's equations."""
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn

from mmfusenas.apis.loading import load_model
from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.models.cells import DistillationCell
from mmfusenas.models.cells.fused_distillation_cell import FusedDistillationCell
from mmfusenas.models.losses import DenoisingLoss, RTVSceneLoss, SmoothSceneLoss, relative_total_variation
from mmfusenas.models.restorers import NoiseEstimation, NoiseRemoval, RUASEnhancement
from mmfusenas.models.scene import RUASScene
from mmfusenas.models.scene.ruas_scene import even_illumination, local_max
from mmfusenas.models.utils.illumination import illumination_scalars
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.latency import measure_costs
from mmfusenas.registry import MODELS
from mmfusenas.structures import FusionDataSample
from mmfusenas.utils.checkpoint import save_checkpoint
from mmfusenas.utils.complexity import complexity, count_parameters

SCENE, TASK = dict(type='RUASScene', genotype='ruas-scene'), dict(type='NoiseRemoval', genotype='ruas-denoise')


def enhancement(**options):
    torch.manual_seed(0)
    options = dict(dict(scene=dict(SCENE, loss=dict(type='RTVSceneLoss')), task=TASK,
                        estimation=dict(type='NoiseEstimation'), loss=dict(type='DenoisingLoss')), **options)
    return RUASEnhancement(**options)


def dark(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 0.3


@pytest.mark.parametrize('build, count', [
    (lambda: RUASScene('ruas-scene'), 1161), (lambda: NoiseRemoval('ruas-denoise'), 5985),
    (lambda: NoiseRemoval('ruas-denoise-cvpr'), 2277), (NoiseEstimation, 29507), (enhancement, 36653),
    (lambda: enhancement(scene=dict(type='RUASScene'), task=dict(type='NoiseRemoval'), estimation=None,
                         denoise='always'), 37944)])
def test_sizes_are_the_published_ones(build, count):
    assert count_parameters(build()) == count


def compose(x, weights, stage):
    """The cell of the published scene module by hand: skip, 1-RC, 3-2-RDC, 3-C, 3-C, skip, 3-C."""
    def act(y):
        return F.leaky_relu(y, 0.05)

    def conv(y, place, padding=1, dilation=1):
        names = (f'cell.ops.{place}.{stage}.{kind}' for kind in ('weight', 'bias'))
        return F.conv2d(y, *(weights[name] for name in names), padding=padding, dilation=dilation)

    d1, r1 = act(x), act(conv(x, 1, padding=0) + x + x)
    d2, r2 = act(conv(r1, 2, padding=2, dilation=2) + r1), act(conv(r1, 3) + r1)
    d3, r3 = act(conv(r2, 4)), act(r2 + r2)
    r4 = act(conv(r3, 6))
    names = (f'cell.distill.{stage}.{kind}' for kind in ('weight', 'bias'))
    return F.conv2d(torch.cat([d1, d2, d3, r4], 1), *(weights[name] for name in names))


@pytest.mark.parametrize('update', ['published', 'additive'])
@pytest.mark.parametrize('warm_start, gamma, t_min', [
    ('rectified', 0.5, 1e-4), ('rectified', 0.0, 1e-3), ('fixed', 0.5, 1e-4), ('feature', 0.5, 0.4)])
def test_unrolling_is_that_of_the_paper(warm_start, gamma, t_min, update):
    torch.manual_seed(0)
    net = RUASScene('ruas-scene', warm_start=warm_start, gamma=gamma, t_min=t_min, update=update)
    weights, y = net.state_dict(), dark(2, 3, 19, 23)
    padded = F.pad(y, (0, 1, 0, 1))
    start = torch.stack([padded[..., i:19 + i, j:23 + j] for i in (0, 1) for j in (0, 1)]).amax(0)
    torch.testing.assert_close(local_max(y), start)
    expected, warm = [], start
    for stage in range(3):
        gradient = 1 - compose(warm, weights, stage).sigmoid()
        t = (warm - gradient if update == 'additive' else 1 - gradient).clamp(t_min, 1)
        u = (y / t).clamp(0, 1)
        expected.append((u, t))
        warm = dict(rectified=local_max(u) - gamma * (u - y), fixed=start, feature=u)[warm_start]
    with torch.no_grad():
        for got, wanted in zip(net.unroll(y), expected, strict=True):
            torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)
        # The image is BGR, the network's colours are RGB.
        images = net.images(dict(visible=y.flip(1)))
    torch.testing.assert_close(images['image'], expected[-1][0].flip(1), atol=1e-6, rtol=0)
    torch.testing.assert_close(images['illumination'], expected[-1][1], atol=1e-6, rtol=0)


def test_an_exposure_brings_images_to_a_grey_level_first():
    torch.manual_seed(0)
    y = torch.cat([dark(1, 3, 19, 23), dark(1, 3, 19, 23, seed=1) / 4, torch.full((1, 3, 19, 23), 0.8)])
    y[0, :, :2] = torch.tensor([0.0, 1.0])[None, :, None]
    first = even_illumination(y, 0.25)
    even = y / first
    c = first[0].min()
    torch.testing.assert_close(even[0], y[0] / (y[0] + c * (1 - y[0])))  # the odds, over c
    assert (even >= y).all() and torch.equal(even[2], y[2]) and torch.equal(even == 1, y == 1)
    flat = torch.full((1, 3, 4, 6), 0.02)
    torch.testing.assert_close(flat / even_illumination(flat, 0.25), torch.full_like(flat, 0.25))
    plain, net = (RUASScene('ruas-scene', update='additive', exposure=exposure) for exposure in (None, 0.25))
    net.load_state_dict(plain.state_dict())
    with torch.no_grad():
        for (u, t), (expected, own) in zip(net.unroll(y), plain.unroll(even), strict=True):
            torch.testing.assert_close(u, expected)
            torch.testing.assert_close(t, (first * own).clamp(min=1e-4))
        assert (net.unroll(torch.zeros(1, 3, 9, 9))[-1][0] == 0).all()
        for one, image in zip(y, net.unroll(y)[-1][0]):  # whatever else is in the batch
            torch.testing.assert_close(net.unroll(one[None])[-1][0][0], image)
    with pytest.raises(ValueError, match='RUASScene got exposure=1.5'):
        RUASScene('ruas-scene', exposure=1.5)


def test_an_image_that_is_nearly_black_gets_no_white_specks():
    y = torch.zeros(1, 3, 50, 60)
    y[..., ::10, ::10] = 1 / 255
    assert (y / even_illumination(y, 0.25)).max() < 0.5
    assert RUASScene('ruas-scene', update='additive', exposure=0.25).unroll(y * 0)[-1][1].min() >= 1e-4


def test_an_exposure_is_of_whole_images_alone():
    model = enhancement(scene=dict(SCENE, exposure=0.25, loss=dict(type='RTVSceneLoss')))
    visible, samples = dark(2, 3, 32, 40), [
        FusionDataSample(metainfo=dict(img_shape=shape)) for shape in ((32, 40), (24, 40))]
    for network in (model, model.scene):
        with pytest.raises(ValueError, match=r'batch of 32 x 40 has images of \[\(24, 40\), \(32, 40\)\], padded'):
            network(dict(visible=visible), samples, mode='loss')
        assert network(dict(visible=visible), samples[:1] * 2, mode='loss')
        network.tile = 256
        with pytest.raises(ValueError, match='tile=256 would give each part a brightness of its own'):
            network(dict(visible=visible), samples, mode='predict')


def test_the_additive_update_follows_the_image_where_the_cell_does_not():
    """What the smoothness of the scene loss rewards, a cell of constants, makes the published form a gain."""
    y, spreads = dict(visible=dark(1, 3, 20, 24)), {}
    for update in ('published', 'additive'):
        net = RUASScene('ruas-scene', update=update)
        for convolution in net.cell.distill:
            nn.init.zeros_(convolution.weight)
            nn.init.constant_(convolution.bias, 1.0)
        spreads[update] = float(net.losses(net.images(y), y)['illumination_spread'])
    assert spreads['published'] < 1e-6 and spreads['additive'] > 0.01


def test_the_gradient_of_the_additive_update_is_that_of_finite_differences():
    torch.manual_seed(0)
    net, y = RUASScene('ruas-scene', update='additive').double(), dark(1, 3, 9, 10).double() + 0.1
    for convolution in net.cell.distill:
        nn.init.constant_(convolution.bias, 2.0)  # away from the bounds, where a clamp has kinks
    target = torch.rand(1, 3, 9, 10, dtype=torch.float64)

    def loss():
        return (net.unroll(y)[-1][1] - target).square().mean()

    parameters = list(net.parameters())
    gradients = torch.autograd.grad(loss(), parameters)
    direction = [torch.randn_like(gradient) for gradient in gradients]
    values = []
    with torch.no_grad():
        for step in (1e-6, -2e-6):
            for parameter, part in zip(parameters, direction):
                parameter += step * part
            values.append(loss())
    slope = sum((gradient * part).sum() for gradient, part in zip(gradients, direction))
    assert abs(slope) > 1e-5
    torch.testing.assert_close((values[0] - values[1]) / 2e-6, slope, rtol=1e-4, atol=1e-9)


def test_the_derived_network_is_the_supernet_on_its_path():
    torch.manual_seed(0)
    net, y = RUASScene(update='additive').eval(), dict(visible=dark(1, 3, 20, 24))
    space = SearchSpace(net)
    space.select(dict(zip(space.choices, ('skip', 'rc_1', 'rc_3d2', 'c_3', 'c_3', 'skip', 'c_3'))))
    derived = space.derive(space.genotype())
    assert derived.update == 'additive' and not len(SearchSpace(derived))
    torch.testing.assert_close(derived.images(y), net.images(y), rtol=0, atol=0)


def test_checkpoints_without_the_update_are_of_the_published_form(tmp_path):
    y = dark(1, 3, 20, 24)
    cfg = dict(_scope_='mmfusenas', type='RUASEnhancement', scene=SCENE, task=TASK, denoise='never')
    torch.manual_seed(0)
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(cfg)), state_dict=MODELS.build(ConfigDict(cfg)).state_dict()),
                    tmp_path / 'old.pth')
    scene, warm = load_model(tmp_path / 'old.pth').scene, local_max(y)
    with torch.no_grad():
        for stage, (u, t) in enumerate(scene.unroll(y)):
            torch.testing.assert_close(t, scene.cell(warm, stage).sigmoid().clamp(1e-4, 1), rtol=0, atol=0)
            warm = local_max(u) - 0.5 * (u - y)


def test_strength_blends_the_illumination_in():
    net, y = RUASScene('ruas-scene', update='additive'), dict(visible=dark(1, 3, 20, 24))
    whole = net.images(y)
    net.strength = 0.5
    torch.testing.assert_close(net.images(y)['image'], whole['image'])  # in training it is all of it
    half = net.eval().images(y)['image']
    torch.testing.assert_close(half, (y['visible'] / whole['illumination'].flip(1).sqrt()).clamp(0, 1))
    net.strength = 0
    torch.testing.assert_close(net.images(y)['image'], y['visible'])


def test_scalars_of_an_illumination_are_their_definitions():
    t, y = torch.rand(2, 3, 6, 7), torch.rand(2, 3, 6, 7)
    y[0, 0, 0] = 1  # saturated before
    scalars = illumination_scalars(t, y)
    spread = np.mean([[channel.std() for channel in image] for image in t.numpy()])
    lost = np.mean(((y / t).numpy() >= 1) & (y.numpy() < 1))
    assert float(scalars['illumination_spread']) == pytest.approx(spread, rel=1e-5)
    assert float(scalars['saturated_share']) == pytest.approx(lost)


def test_stages_share_the_decisions_and_not_the_weights():
    torch.manual_seed(0)
    cell = DistillationCell(3, stages=2)
    space = SearchSpace(cell)
    assert list(space.choices) == [f'ops.{i}' for i in range(7)]
    space.select(dict.fromkeys(space.choices, 'c_3'))
    x = torch.rand(1, 3, 9, 9)
    assert not torch.allclose(cell(x, 0), cell(x, 1))
    found = space.derive(space.genotype())
    torch.testing.assert_close(found(x, 1), cell(x, 1), rtol=0, atol=0)


@pytest.mark.parametrize('ops', [
    ['skip'] * 7, ['rc_1', 'c_3', 'rc_3d2', 'c_1', 'c_3', 'rc_3d2', 'rc_3'], ['c_3d2', 'rc_3', 'skip', 'rc_3d2'] * 2])
def test_the_fused_cell_computes_the_same(ops):
    torch.manual_seed(0)
    cell = DistillationCell(5, stages=2)
    space = SearchSpace(cell)
    with pytest.raises(ValueError, match='derive it first'):
        FusedDistillationCell(cell)
    space.select(dict(zip(space.choices, ops)))
    derived = space.derive(space.genotype()).double()
    fused, x = FusedDistillationCell(derived), torch.randn(2, 5, 19, 23, dtype=torch.float64)
    for stage in (0, 1):
        torch.testing.assert_close(fused(x, stage), derived(x, stage), atol=1e-12, rtol=1e-9)


def test_inference_fuses_the_cells():
    fast = optimize_for_inference(enhancement().eval())
    assert sum(isinstance(module, FusedDistillationCell) for module in fast.modules()) == 2
    y = dict(visible=dark(2, 3, 31, 40))
    with torch.no_grad():
        torch.testing.assert_close(fast.images(y)['image'], enhancement().eval().images(y)['image'],
                                   atol=1e-5, rtol=0)


def test_costs_are_measured_over_all_stages():
    scene = RUASScene(stages=3)
    table = measure_costs(SearchSpace(scene), [torch.rand(1, 3, 20, 24)], lambda x: scene.unroll(x), repeats=3)
    cost = table.choices['cell.ops.0']
    assert cost['c_3']['parameters'] == 3 * 84 and cost['c_3']['macs'] == 3 * 81 * 20 * 24
    assert cost['skip']['macs'] == 0 < cost['c_3']['latency_ms']


def test_noise_is_removed_where_there_is_some_and_sizes_may_differ():
    model = enhancement().eval()
    nn.init.constant_(model.estimation[-1].bias, 0.0)
    y = dark(3, 3, 40, 50)
    with torch.no_grad():
        single = [model(dict(visible=y[i:i + 1, :, :h, :w]), [sample(h, w)], mode='predict')[0]
                  for i, (h, w) in enumerate(((40, 50), (31, 50), (40, 33)))]
    levels = sorted(item.noise_level for item in single)
    model.threshold = (levels[1] + levels[2]) / 2  # one of the three is noisy
    with torch.no_grad():
        single = [model(dict(visible=y[i:i + 1, :, :h, :w]), [sample(h, w)], mode='predict')[0]
                  for i, (h, w) in enumerate(((40, 50), (31, 50), (40, 33)))]
        batch = model(dict(visible=y), [sample(40, 50), sample(31, 50), sample(40, 33)], mode='predict')
        same = model(dict(visible=y), [sample(40, 50) for _ in range(3)], mode='predict')
    assert sorted(item.denoised for item in single) == [False, False, True]
    for one, many in zip(single, batch, strict=True):
        assert np.array_equal(one.pred_img, many.pred_img) and one.denoised == many.denoised
    u = model.scene(dict(visible=y[:1])).flip(1)
    expected = model.task(u) if same[0].denoised else u
    assert np.abs(same[0].pred_img[..., ::-1] / 255
                  - expected[0].permute(1, 2, 0).clamp(0, 1).detach().numpy()).max() < 1.01 / 255


def sample(height, width):
    return FusionDataSample(metainfo=dict(img_shape=(height, width)))


def test_what_has_not_learned_is_left_out():
    model, y = enhancement(denoise='always').eval(), dict(visible=dark(1, 3, 30, 30))
    model.stage = 'scene'
    assert torch.equal(model.images(y)['image'], model.scene.images(y)['image'])


def test_what_is_removed_is_asked_for():
    y = dict(visible=dark(1, 3, 30, 30))
    images = {kind: enhancement(denoise=kind).eval().images(y)['image'] for kind in ('always', 'never')}
    assert torch.equal(images['never'], enhancement().scene.images(y)['image'])
    assert not torch.equal(images['never'], images['always'])
    for options in (dict(denoise='sometimes'), dict(estimation=None)):
        with pytest.raises(ValueError, match='RUASEnhancement got denoise='):
            enhancement(**options)


def test_costs_are_of_all_parts_whatever_the_noise():
    counts = {kind: complexity(enhancement(denoise=kind), (32, 40))['macs'] for kind in ('adaptive', 'always', 'never')}
    model = enhancement()
    model.threshold = 1e9  # no image is noisy
    assert counts['adaptive'] == complexity(model, (32, 40))['macs'] and model.threshold == 1e9
    parts = [complexity(part, (32, 40))['macs'] for part in (model.scene, model.task, model.estimation)]
    assert [counts[kind] for kind in ('never', 'always', 'adaptive')] == np.cumsum(parts).tolist()


@pytest.mark.parametrize('stage, trained, names', [
    ('scene', {'scene'}, {'scene.loss_fidelity', 'scene.loss_rtv'}),
    ('task', {'task', 'estimation'}, {'loss_fidelity', 'loss_tv', 'loss_noise'}),
    ('joint', {'scene', 'task', 'estimation'},
     {'scene.loss_fidelity', 'scene.loss_rtv', 'loss_fidelity', 'loss_tv', 'loss_noise'})])
def test_stages_train_what_they_say(stage, trained, names):
    model = enhancement(eta=0.5).train()
    model.stage = stage
    losses = model(dict(visible=dark(2, 3, 20, 24)), mode='loss')
    scalars = set() if stage == 'task' else {'scene.illumination_spread', 'scene.saturated_share'}
    assert set(losses) == names | scalars
    model.parse_losses(losses)[0].backward()
    assert {name.split('.')[0] for name, p in model.named_parameters() if p.grad is not None} == trained
    if stage == 'joint':
        alone = enhancement(eta=1.0).train()(dict(visible=dark(2, 3, 20, 24)), mode='loss')
        torch.testing.assert_close(losses['scene.loss_rtv'], 0.5 * alone['scene.loss_rtv'])
        assert losses['scene.saturated_share'] == alone['scene.saturated_share']


def test_a_reference_takes_the_place_of_the_prior():
    model = enhancement(loss=dict(type='DenoisingLoss', supervised=True)).train()
    with pytest.raises(ValueError, match='got no reference'):
        model(dict(visible=dark(2, 3, 20, 24)), mode='loss')
    y, reference = dark(2, 3, 20, 24), dark(2, 3, 20, 24, seed=1)
    losses = model.losses(model.images(dict(visible=y)), dict(visible=y, reference=reference))
    assert 'loss_reference' in losses and 'loss_tv' not in losses
    x = model.images(dict(visible=y))['image']
    torch.testing.assert_close(losses['loss_reference'], F.mse_loss(x, reference))


def test_what_is_brightened_learns_from_the_reference_too():
    x, u, reference = dark(2, 3, 9, 8), dark(2, 3, 9, 8, seed=1), dark(2, 3, 9, 8, seed=2)
    losses = DenoisingLoss(supervised=True, brightened=0.5)(x, u, reference)
    torch.testing.assert_close(losses['loss_reference'], F.mse_loss(x, reference))
    torch.testing.assert_close(losses['loss_brightened'], 0.5 * F.mse_loss(u, reference))
    assert set(DenoisingLoss(supervised=True)(x, u, reference)) == {'loss_reference'}


def test_removal_learns_from_known_noise():
    model = enhancement(known_noise=True, loss=dict(type='DenoisingLoss', supervised=True)).train()
    inputs = dict(visible=dark(4, 3, 32, 32))
    images = model.images(inputs)
    torch.testing.assert_close(images['clean'], F.avg_pool2d(images['brightened'], 2))
    deviations = (images['noisy'] - images['clean']).flatten(1).std(1)
    assert (deviations < 0.2).all() and deviations.std() > 0.01
    torch.testing.assert_close(images['image'], model.task(images['noisy'].flip(1)).flip(1))
    losses = model.losses(images, inputs)
    torch.testing.assert_close(losses['loss_reference'], F.mse_loss(images['image'], images['clean']))
    losses['loss_reference'].backward()
    assert all(p.grad.any() for p in model.task.parameters())
    assert any(p.grad.any() for p in model.scene.parameters())  # as the cooperative search needs it
    model.eval()
    with torch.no_grad():
        assert model.images(inputs)['image'].shape == inputs['visible'].shape


def test_known_noise_of_references_leaves_the_scene_to_the_brightened_image():
    loss = dict(type='DenoisingLoss', supervised=True, brightened=0.5)
    model = enhancement(known_noise='reference', eta=0.0, estimation=None, denoise='always', loss=loss).train()
    inputs = dict(visible=dark(2, 3, 32, 32), reference=2 * dark(2, 3, 32, 32))
    images = model.images(inputs)
    torch.testing.assert_close(images['clean'], inputs['reference'])
    assert 0.01 < float((images['noisy'] - images['clean']).std()) < 0.2
    losses = model.losses(images, inputs)
    torch.testing.assert_close(losses['loss_reference'], F.mse_loss(images['image'], images['clean']))
    torch.testing.assert_close(losses['loss_brightened'], 0.5 * F.mse_loss(images['brightened'], inputs['reference']))
    losses['loss_reference'].backward()
    assert not any(p.grad is not None and p.grad.any() for p in model.scene.parameters())
    model.zero_grad()
    losses['loss_brightened'].backward()
    assert any(p.grad.any() for p in model.scene.parameters())
    assert not any(p.grad is not None and p.grad.any() for p in model.task.parameters())
    with pytest.raises(KeyError, match='RUASEnhancement learns from references'):
        model.images(dict(visible=inputs['visible']))
    with pytest.raises(ValueError, match="known_noise='u'"):
        enhancement(known_noise='u', loss=loss)


def test_known_noise_is_learned_from_all_images_at_once_and_without_padding():
    model = enhancement(known_noise=True, loss=dict(type='DenoisingLoss', supervised=True)).train()
    calls, losses = [], model.losses
    model.losses = lambda images, inputs: calls.append(images['noisy'].shape) or losses(images, inputs)
    samples = [FusionDataSample(metainfo=dict(img_shape=shape)) for shape in ((32, 32), (32, 32))]
    model(dict(visible=dark(2, 3, 32, 32)), samples, mode='loss')
    assert calls == [(2, 3, 16, 16)]
    samples[1].set_metainfo(dict(img_shape=(20, 30)))
    model(dict(visible=dark(2, 3, 32, 32)), samples, mode='loss')
    assert calls[1:] == [(1, 3, 16, 16), (1, 3, 10, 15)]


def test_estimation_learns_how_strong_noise_is():
    torch.manual_seed(0)
    net, smooth = NoiseEstimation(channels=8), F.interpolate(torch.rand(4, 3, 4, 4), 48, mode='bilinear')
    net.init_weights()
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(300):
        loss = net.loss(smooth)['loss_noise']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        levels = [float(net.level(smooth + s * torch.randn(smooth.shape)).mean()) for s in (0.0, 0.05, 0.1, 0.2)]
    assert levels == sorted(levels) and levels[3] > 2 * levels[0]


def test_relative_total_variation_is_its_definition():
    x = torch.rand(1, 1, 7, 9, dtype=torch.float64)
    sigma, epsilon, total = 0.7, 1e-3, 0.0
    reach = round(3 * sigma)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    window = np.outer(taps, taps) / taps.sum() ** 2
    for gradient in (x[0, 0].diff(dim=1).numpy(), x[0, 0].diff(dim=0).numpy()):
        values = []
        for i in range(gradient.shape[0]):
            for j in range(gradient.shape[1]):
                d = inherent = 0.0
                for a in range(-reach, reach + 1):
                    for b in range(-reach, reach + 1):
                        if 0 <= i + a < gradient.shape[0] and 0 <= j + b < gradient.shape[1]:
                            d += window[a + reach, b + reach] * abs(gradient[i + a, j + b])
                            inherent += window[a + reach, b + reach] * gradient[i + a, j + b]
                values.append(d / (abs(inherent) + epsilon))
        total += np.mean(values)
    assert float(relative_total_variation(x, sigma)) == pytest.approx(total, rel=1e-9)
    ramp = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    texture = torch.rand(1, 1, 32, 32)
    assert relative_total_variation(ramp) < relative_total_variation(texture)


def test_scene_losses_are_their_definitions():
    t, y = dark(2, 3, 6, 7), dark(2, 3, 6, 7, seed=1)
    rtv = RTVSceneLoss(eta=0.2)(t, y)
    torch.testing.assert_close(rtv['loss_fidelity'], (t - y).square().mean())
    torch.testing.assert_close(rtv['loss_rtv'], 0.2 * relative_total_variation(t).mean())
    smooth = SmoothSceneLoss(smoothness=3.0, sigma=0.2)(t, y)
    torch.testing.assert_close(smooth['loss_fidelity'], (t - y).square().mean() / 2)
    by_direction = {}
    for i in range(6):
        for j in range(7):
            for a in range(-2, 3):
                for b in range(-2, 3):
                    if (a, b) != (0, 0) and 0 <= i + a < 6 and 0 <= j + b < 7:
                        weight = torch.exp(-(y[..., i, j] - y[..., i + a, j + b]).square().sum(1) / (2 * 0.2 ** 2))
                        value = weight * (t[..., i, j] - t[..., i + a, j + b]).abs().mean(1)
                        by_direction.setdefault((a, b), []).append(value.mean())
    assert len(by_direction) == 24
    expected = 3 * sum(torch.stack(values).mean() for values in by_direction.values())
    torch.testing.assert_close(smooth['loss_smooth'], expected)


def test_denoising_loss_is_its_definition():
    x, u = dark(1, 3, 5, 6), dark(1, 3, 5, 6, seed=1)
    losses = DenoisingLoss(fidelity=2.0, variation=0.3)(x, u)
    torch.testing.assert_close(losses['loss_fidelity'], 2 * (x - u).square().mean())
    torch.testing.assert_close(losses['loss_tv'], 0.3 * (x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()))
    first = DenoisingLoss(fidelity=1e-7, variation=2.0, squared=True)(x, u)
    torch.testing.assert_close(
        first['loss_tv'], 2 * (x.diff(dim=2).square().mean() + x.diff(dim=3).square().mean()))


def test_a_scene_module_learns_by_relative_total_variation_unless_told_otherwise():
    assert isinstance(RUASScene('ruas-scene').loss, RTVSceneLoss)
    with pytest.raises(ValueError, match='RUASScene.*needs a loss'):
        RUASScene('ruas-scene', loss=None)(dict(visible=dark(1, 3, 8, 9)), mode='loss')
    model = enhancement(loss=None, estimation=None, denoise='always').train()
    model.stage = 'task'
    with pytest.raises(ValueError, match="RUASEnhancement.*stage 'task'.*loss=dict"):
        model(dict(visible=dark(1, 3, 8, 9)), mode='loss')


def test_known_noise_needs_a_loss_that_looks_at_the_reference():
    with pytest.raises(ValueError, match='known_noise=True.* supervised=True'):
        enhancement(known_noise=True, loss=dict(type='DenoisingLoss'))


@pytest.mark.parametrize('options', [
    dict(update='no'), dict(warm_start='cold'), dict(gamma=1.5), dict(genotype='ruas-denois'), dict(stages=0),
    dict(t_min=0.0)])
def test_settings_that_are_wrong_are_named(options):
    with pytest.raises((ValueError, FileNotFoundError), match='RUASScene got|ruas-denoise'):
        RUASScene(**options)


def test_published_weights_give_the_published_images(shared, run_converted):
    folder = shared / 'reference/ruas/lol'
    images = run_converted(shared / 'reference/ruas/lol.pt', folder / 'low')
    assert [record['stem'] for record in images] == ['00001', '00091', '00271', '00451', '00481']
    for record in images:
        ours, theirs = (cv2.imread(str(path)).astype(int) for path in (
            record['image'], folder / 'authors_result' / f'{record["stem"]}.png'))
        assert np.abs(ours - theirs).max() <= 1
    # Levels, decisions and scores of the published network.
    levels = [0.0080, 0.0118, 0.1468, 0.1403, 0.0070]
    assert [record['noise_level'] for record in images] == pytest.approx(levels, abs=6e-5)
    assert [record['denoised'] for record in images] == [False, False, True, True, False]
    pairs = [(cv2.imread(str(record['image'])), cv2.imread(str(folder / 'reference' / f'{record["stem"]}.png')))
             for record in images]
    assert np.mean([peak_signal_noise_ratio(clean, ours) for ours, clean in pairs]) == pytest.approx(15.374, abs=2e-3)
    assert np.mean([structural_similarity(clean, ours, channel_axis=2) for ours, clean in pairs]) == pytest.approx(
        0.6163, abs=1e-4)


NAMES = ('c1_d', 'c1_r', 'c2_d', 'c2_r', 'c3_d', 'c3_r', 'c4')


def as_the_authors_name_it(key):
    """The authors' name of a tensor of ours, after the list of names in the specification."""
    part, *rest = key.split('.')
    if part == 'estimation':
        return f'estimation.{key}'
    if rest[0] == 'cell':
        place, number, stage = rest[1:4] if rest[1] == 'ops' else ('distill', None, rest[2])
        inside = f'{NAMES[int(number)]}.op' if place == 'ops' else 'c5'
        owner = f'enhance_net.iems.{stage}.cell' if part == 'scene' else f'denoise_net.nrms.{stage}'
        return f'{owner}.{inside}.{rest[-1]}'
    return f'denoise_net.{dict(stem="stem", head="activate.0")[rest[0]]}.{rest[-1]}'


@pytest.mark.parametrize(('release', 'size'), [('journal', 36653), ('cvpr', 3438)])
def test_weights_of_both_releases_convert(load_tool, tmp_path, monkeypatch, release, size):
    """Strictly: every tensor of the authors' finds its place, and a missing one is named."""
    module = load_tool('model_converters/ruas')
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(module.model_config(release)))
    weights = {as_the_authors_name_it(name): value for name, value in model.state_dict().items()}
    assert sum(value.numel() for value in weights.values()) == size
    torch.save(weights, tmp_path / 'theirs.pt')
    arguments = ['ruas.py', str(tmp_path / 'theirs.pt'), str(tmp_path / 'out.pth'), '--release', release]
    monkeypatch.setattr(sys, 'argv', arguments)
    module.main()
    loaded = load_model(tmp_path / 'out.pth').state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())
    weights.popitem()
    with pytest.raises(module.UserError, match='missing in the file'):
        module.convert(weights, model.state_dict())


@pytest.fixture
def run_converted(load_tool, tmp_path, monkeypatch):
    """Convert a file of the authors, run the inferencer over a folder; return what predictions.json lists."""
    from mmfusenas.apis import EnhanceInferencer, input_images

    def run(source: Path, folder: Path) -> list[dict]:
        module = load_tool('model_converters/ruas')
        monkeypatch.setattr(sys, 'argv', ['ruas.py', str(source), str(tmp_path / 'out.pth')])
        module.main()
        written = EnhanceInferencer(tmp_path / 'out.pth').run(input_images(folder), tmp_path / 'out')
        images = json.loads(written.read_text())['images']
        return [dict(record, image=written.parent / record['image']) for record in images]

    return run


def test_costs_are_of_all_parts_whatever_trains():
    model = MODELS.build(dict(type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'),
                              task=dict(type='NoiseRemoval', genotype='ruas-denoise'), denoise='always'))
    costs = complexity(model, (16, 24))
    model.stage = 'scene'
    assert complexity(model, (16, 24)) == costs and model.stage == 'scene'
    assert costs['macs'] > complexity(model.scene, (16, 24))['macs']
