"""TIM's visual enhancement: saliency, the loss, the network N_T, and N_F and N_T together."""
import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from mmfusenas.models.losses import EnhancementLoss, ssim
from mmfusenas.models.losses.saliency import histogram_contrast, saliency_weights
from mmfusenas.models.scene import EnhancementNet, TIMEnhancement
from mmfusenas.models.scene.base_scene import luma
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS

OPERATORS = ('rb_3', 'sa_3', 'dc_3')


def lumas(number, height=14, width=17, seed=0):
    return torch.rand(number, 2, 1, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_contrast_is_the_mean_distance_to_all_pixels():
    image = lumas(1)[0]
    for one, contrast in zip(image, histogram_contrast(image)):
        grey = (one * 255).round().numpy().ravel()
        expected = np.abs(grey[:, None] - grey).mean(1) / 255
        np.testing.assert_allclose(contrast.numpy().ravel(), expected, atol=1e-12)


def test_a_warm_body_on_cold_ground_stands_out():
    infrared = torch.full((1, 1, 20, 20), 0.2)
    infrared[..., 5:9, 5:9] = 0.9
    visible = torch.full((1, 1, 20, 20), 0.5)
    of_visible, of_infrared = saliency_weights(visible, infrared, 0.1)
    torch.testing.assert_close(of_visible + of_infrared, torch.ones(1, 1, 20, 20))
    assert of_infrared[0, 0, 6, 6] > 0.99 and of_infrared[0, 0, 0, 0] < 0.6


def test_loss_is_the_paper_s():
    enhanced, detail, target, first, second = lumas(5)
    weights = saliency_weights(first, second, 0.1)
    got = EnhancementLoss(intensity_weight=3.0, ssim_weight=2.0)(enhanced, detail, target, first, second)
    intensity = sum(((m * (enhanced - source)) ** 2).mean() for m, source in zip(weights, (first, second)))
    structure = sum((1 - ssim(m * source, m * enhanced)).mean() for m, source in zip(weights, (first, second)))
    torch.testing.assert_close(got['loss_intensity'], 3 * intensity)
    torch.testing.assert_close(got['loss_ssim'], 2 * structure)
    torch.testing.assert_close(got['loss_target'], 3 * ((target - second) ** 2).mean())
    torch.testing.assert_close(got['loss_detail'], 2 * (1 - ssim(detail, first)).mean())


def test_gradients_of_the_loss():
    enhanced, detail, target, first, second = lumas(5, 11, 12)
    images = [image.requires_grad_() for image in (enhanced.clone(), detail.clone(), target.clone())]
    assert gradcheck(lambda *x: sum(EnhancementLoss()(*x, first, second).values()), images)


def test_equal_images_cost_nothing():
    first = lumas(1)[0]
    losses = EnhancementLoss()(first, first, first, first, first)
    assert sum(losses.values()) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize('merge', ['attention', 'concat'])
def test_derived_network_equals_the_supernet(merge):
    torch.manual_seed(0)
    net = EnhancementNet(merge=merge, channels=8, operators=OPERATORS).eval()
    space = SearchSpace(net)
    assert len(space) == 8
    choices = space.sample(torch.Generator().manual_seed(3))
    space.select(choices)
    inputs = torch.rand(3, 2, 1, 13, 18)
    with torch.no_grad():
        expected, got = net(*inputs), space.derive(space.genotype())(*inputs)
    for name in ('enhanced', 'detail', 'target'):
        assert got[name].shape == (2, 1, 13, 18)
        torch.testing.assert_close(got[name], expected[name], atol=1e-6, rtol=0)


def test_the_features_are_blended_by_what_is_in_the_detail():
    """By the sigmoid of the weighted channel maximum (twice) and mean: all detail where that is large."""
    net = EnhancementNet(channels=8, operators=OPERATORS)
    net.attention.weight.data = torch.tensor([0.5, 0.25, -1.0]).view(1, 3, 1, 1)
    detail, target = torch.randn(2, 2, 8, 5, 6)
    share = (0.75 * detail.amax(1, keepdim=True) - detail.mean(1, keepdim=True)).sigmoid()
    torch.testing.assert_close(net._blend(detail, target), share * detail + (1 - share) * target)


def test_unknown_merge_and_order_are_refused():
    with pytest.raises(ValueError, match="merge='sum'"):
        EnhancementNet(merge='sum')
    with pytest.raises(ValueError, match='order='):
        TIMEnhancement(fusion={}, enhancement={}, order=('visible', 'mri'))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='TIMEnhancement', _scope_='mmfusenas', loss=dict(type='EnhancementLoss'), eta=0.5,
        fusion=dict(type='TIMFusion', genotype='tim-light', channels=8, loss=dict(type='FusionLoss')),
        enhancement=dict(type='EnhancementNet', genotype='tim-enhance', channels=8)))


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(5)
    return dict(visible=torch.rand(2, 3, 21, 26, generator=generator),
                infrared=torch.rand(2, 1, 21, 26, generator=generator))


def test_colour_is_kept_and_the_enhanced_luma_is_n_t_of_n_f(model, inputs):
    model.eval()
    with torch.no_grad():
        images = model.images(inputs)
        visible = luma(inputs['visible'])
        fused = model.fusion.fuse(visible, inputs['infrared'])
        expected = model.enhancement(visible, inputs['infrared'], fused)
    torch.testing.assert_close(images['fused'], fused)
    torch.testing.assert_close(luma(images['image']), expected['enhanced'], atol=1e-5, rtol=0)
    chroma = images['image'] - luma(images['image'])
    torch.testing.assert_close(chroma, inputs['visible'] - visible, atol=1e-5, rtol=0)
    torch.testing.assert_close(model(inputs), images['image'])


def test_medical_order_gives_the_mri_first(model, inputs):
    model.eval()
    model.order = ('infrared', 'visible')
    with torch.no_grad():
        visible = luma(inputs['visible'])
        expected = model.enhancement(inputs['infrared'], visible, model.fusion.fuse(visible, inputs['infrared']))
        got = model.images(inputs)
    torch.testing.assert_close(got['detail'], expected['detail'])
    losses = model.losses(got, inputs)
    torch.testing.assert_close(losses['loss_target'], 20 * (got['target'] - visible).square().mean())


def test_both_networks_train_and_eta_weighs_the_fusion_loss(model, inputs):
    losses = model(inputs, mode='loss')
    assert set(losses) == {'loss_intensity', 'loss_ssim', 'loss_detail', 'loss_target', 'fusion.loss_intensity',
                           'fusion.loss_gradient', 'fusion.loss_ssim'}
    images = model.images(inputs)
    own = model.fusion.loss(images['fused'], luma(inputs['visible']), inputs['infrared'])
    torch.testing.assert_close(losses['fusion.loss_ssim'], 0.5 * own['loss_ssim'])
    # The task's losses alone reach the fusion network: that is what trains it for the enhanced image.
    sum(value for name, value in losses.items() if not name.startswith('fusion.')).backward()
    reached = {name.split('.')[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum()}
    assert reached == {'fusion', 'enhancement'}
    losses = model(inputs, mode='loss')
    assert float(model.parse_losses(losses)[0]) == pytest.approx(float(sum(losses.values())), rel=1e-6)
