"""The hyper-guided restoration: sizes, physics steps in closed form, and what proxies learn."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmfusenas.core.errors import MissingKeyError
from mmfusenas.datasets.transforms import BlurAndNoise
from mmfusenas.models.data_preprocessors import PairDataPreprocessor
from mmfusenas.models.losses import GuidanceLoss, StageLoss
from mmfusenas.models.physics import AdditiveLayer, Deconvolution, Scattering
from mmfusenas.models.physics.deconvolution import edge_taper, transfer_function
from mmfusenas.models.physics.scattering import airlight
from mmfusenas.models.restorers import DilatedDenoiser, GuidanceProxy, HyperGuidedRestoration
from mmfusenas.models.restorers.hyper_guided_restoration import penalties
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.complexity import count_parameters

STAGE = dict(type='GuidedStage', physics=dict(type='Deconvolution'), proxy=dict(type='GuidanceProxy', channels=4),
             denoiser=dict(type='DilatedDenoiser', channels=4, dilations=(1, 2, 1)))


def build(**options):
    torch.manual_seed(0)
    model = MODELS.build(dict(dict(type='HyperGuidedRestoration', stages=2, stage=STAGE), **options))
    SearchSpace(model).relax()  # as the hook does that teaches the proxies
    return model


def batch(channels=1, size=(24, 30), seed=0):
    generator = torch.Generator().manual_seed(seed)
    reference, visible = torch.rand(2, 2, channels, *size, generator=generator).unbind(0)
    kernel = torch.rand(2, 1, 5, 5, generator=generator)
    return dict(visible=visible, reference=reference, noise=torch.full((2, 1, *size), 0.03),
                kernel=kernel / kernel.sum((2, 3), keepdim=True))


def test_parts_have_the_published_sizes():
    assert count_parameters(GuidanceProxy()) == 75073
    assert count_parameters(DilatedDenoiser()) == 260289
    assert count_parameters(DilatedDenoiser(dilations=(1, 2, 3, 3, 2, 1))) == 149505
    model = HyperGuidedRestoration(dict(
        type='mmfusenas.GuidedStage', physics=dict(type='Deconvolution'), proxy=dict(type='GuidanceProxy')))
    assert count_parameters(model) == 5 * (75073 + 260289)


def test_the_penalties_are_the_published_ones():
    sigmas = [49 * (13 / 49) ** (i / 4) for i in range(5)]
    assert penalties((49, 13), 5) == pytest.approx([0.01**2 / 3 * 255**2 / sigma**2 for sigma in sigmas])


# Physics

def matrix_of(kernel, size):
    """The blur of an image that goes round, as a matrix."""
    height, width = size
    pixels = torch.eye(height * width, dtype=torch.float64).view(-1, 1, height, width)
    half = kernel.shape[-1] // 2
    blurred = F.conv2d(F.pad(pixels, (half,) * 4, mode='circular'), kernel.flip(2, 3))
    return blurred.flatten(1).T


@pytest.mark.parametrize('size', [(9, 12), (8, 7)])
@pytest.mark.parametrize('rho', [1e-3, 0.2])
def test_the_fourier_step_is_the_dense_solution(size, rho):
    generator = torch.Generator().manual_seed(0)
    kernel = torch.rand(1, 1, 5, 5, generator=generator, dtype=torch.float64)
    kernel /= kernel.sum()
    y, x = torch.rand(2, 1, 1, *size, generator=generator, dtype=torch.float64).unbind(0)
    physics = Deconvolution()
    known = dict(transfer=transfer_function(kernel, size))
    known['spectrum'] = torch.fft.rfft2(y)  # as it is: tapering is another matter
    found = physics(y, x, rho, None, known)
    blur = matrix_of(kernel, size)
    left = blur.T @ blur + rho * torch.eye(len(blur), dtype=torch.float64)
    solved = torch.linalg.solve(left, blur.T @ y.flatten() + rho * x.flatten())
    assert (found.flatten() - solved).abs().max() < 1e-6


def test_gradients_go_through_the_fourier_step():
    generator = torch.Generator().manual_seed(0)
    kernel, y, x = (torch.rand(1, 1, *size, generator=generator, dtype=torch.float64, requires_grad=True)
                    for size in ((3, 3), (6, 7), (6, 7)))

    def step(kernel, y, x):
        physics = Deconvolution()
        return physics(y, x, 0.05, None, physics.prepare(y, kernel))

    assert torch.autograd.gradcheck(step, (kernel, y, x))


def test_the_taper_leaves_the_middle_and_lets_the_borders_meet():
    generator = torch.Generator().manual_seed(0)
    y = torch.linspace(0, 1, 40, dtype=torch.float64).expand(1, 1, 30, 40)
    kernel = torch.rand(1, 1, 7, 7, generator=generator, dtype=torch.float64)
    kernel /= kernel.sum()
    tapered = edge_taper(y, kernel, transfer_function(kernel, y.shape[2:]))
    torch.testing.assert_close(tapered[..., 8:-8, 8:-8], y[..., 8:-8, 8:-8])
    assert (tapered[..., 0] - tapered[..., -1]).abs().max() < 0.3 < (y[..., 0] - y[..., -1]).abs().max()


def test_stages_begin_with_the_tapered_image():
    inputs = {name: value.double() for name, value in batch().items()}
    physics, y = Deconvolution(), inputs['visible']
    tapered = edge_taper(y, inputs['kernel'], transfer_function(inputs['kernel'], y.shape[2:]))
    known = physics.prepare(y, inputs['kernel'])
    torch.testing.assert_close(known['spectrum'], torch.fft.rfft2(tapered))
    assert torch.equal(known['start'], tapered) and (tapered - y).abs().max() > 0.1
    assert physics.prepare(y) == {}


def test_a_known_blur_without_noise_is_undone():
    sample = BlurAndNoise(size=(96, 96), noise=(0, 0), kernel_size=(9,), seed=0)(
        dict(img=np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8).repeat(10, 0).repeat(10, 1)))
    y, reference = (torch.from_numpy(sample[key]).double()[None, None] / 255 for key in ('img', 'reference'))
    kernel = torch.from_numpy(sample['kernel'])[None, None].double()
    physics = Deconvolution()
    error = {}
    for name, given in (('right', kernel), ('turned', kernel.flip(2, 3))):
        z = physics(y, y, 1e-3, None, physics.prepare(y, given))
        error[name] = float((z - reference)[..., 12:-12, 12:-12].square().mean())
    assert error['right'] < float((y - reference)[..., 12:-12, 12:-12].square().mean()) / 8
    assert error['turned'] > 5 * error['right'], 'kernels are those of a convolution'


@pytest.mark.parametrize('physics, model', [
    (AdditiveLayer(), lambda z, s, known: z + s),
    (Scattering(3), lambda z, t, known: z * t + known['light'] * (1 - t))])
def test_the_other_steps_are_least_squares(physics, model):
    """The gradient of |M(z) - y|^2 + rho |z - x|^2 is zero at z."""
    y, x, guidance = torch.rand(3, 1, 1, 8, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)[:, None]
    y, x, guidance = (image[0] for image in (y, x, guidance))
    known = physics.prepare(y)
    z = physics(y, x, 0.3, guidance, known).requires_grad_()
    cost = (model(z, guidance, known) - y).square().sum() + 0.3 * (z - x).square().sum()
    assert torch.autograd.grad(cost, z)[0].abs().max() < 1e-10


def test_the_true_guidance_of_pairs():
    generator = torch.Generator().manual_seed(0)
    clear = 0.6 * torch.rand(2, 1, 40, 40, generator=generator)
    streaks = 0.2 * torch.rand(2, 1, 40, 40, generator=generator)
    torch.testing.assert_close(AdditiveLayer().truth(clear + streaks, clear), streaks)
    t = torch.linspace(0.2, 1, 40).expand(2, 1, 40, 40).clone()
    t[..., :6] = 0  # the sky: nothing but air
    hazy = clear * t + 0.9 * (1 - t)
    torch.testing.assert_close(airlight(hazy), torch.full((2, 1, 1, 1), 0.9))
    torch.testing.assert_close(Scattering().truth(hazy, clear), t, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match='window=14'):
        Scattering(14)
    assert Deconvolution().truth(clear, clear) is None


def test_levels_that_are_not_known_are_asked_for_where_something_learns_by_them():
    inputs = batch()
    del inputs['noise']
    model = build()
    made = model.images(inputs)
    assert 'truth' not in made and set(model(inputs, mode='loss')) == {'loss_stages', 'mse'}
    with pytest.raises(KeyError, match='BlurAndNoise'):
        GuidanceLoss()(made, inputs)
    with pytest.raises(KeyError, match='BlurAndNoise'):
        build(guidance_loss=dict(type='GuidanceLoss'))(inputs, mode='loss')


def test_a_kernel_larger_than_the_image_is_an_error():
    with pytest.raises(ValueError, match=r'kernel.*\(5, 5\).*\(4, 9\)'):
        Deconvolution().prepare(torch.rand(1, 1, 4, 9), torch.rand(1, 1, 5, 5))


# The whole

@pytest.mark.parametrize('channels', [1, 3])
def test_stages_follow_each_other(channels):
    model, inputs = build(), batch(channels)
    made = model.images(inputs)
    y = inputs['visible'].flatten(0, 1)[:, None]
    physics = model.stages[0].physics
    known = physics.prepare(y, inputs['kernel'].repeat_interleave(channels, 0))
    x, outputs, maps = known['start'], [], []
    for stage, rho in zip(model.stages, model.rho):
        z = physics(y, x, rho, None, known)
        maps.append(stage.proxy(z))
        x = z - stage.denoiser(torch.cat([z, maps[-1]], 1))
        outputs.append(x.view(2, channels, 24, 30))
    torch.testing.assert_close(made['stages'], torch.cat(outputs, 1))
    torch.testing.assert_close(made['guidance'], torch.cat([m.view(2, channels, 24, 30) for m in maps], 1))
    assert made['image'].shape == (2, 3, 24, 30)
    losses = model(inputs, mode='loss')
    errors = [float((output - inputs['reference']).square().mean()) for output in outputs]
    assert float(losses['loss_stages']) == pytest.approx(sum(errors), rel=1e-5)
    assert float(losses['mse']) == pytest.approx(errors[-1], rel=1e-5)


def test_planes_are_restored_one_by_one():
    model, inputs = build().eval(), batch(3)
    whole = model(inputs)
    for plane in range(3):
        alone = model(dict(inputs, visible=inputs['visible'][:, plane:plane + 1]))
        torch.testing.assert_close(whole[:, plane], alone[:, 0])


def test_without_a_proxy_there_is_no_guidance():
    model = build(stage=dict(STAGE, proxy=None))
    made = model.images(batch())
    assert 'guidance' not in made and model.stages[0].denoiser[0].in_channels == 1
    with pytest.raises(KeyError, match='Give its stages a proxy'):
        GuidanceLoss()(made, {})


@pytest.mark.parametrize('stage', [STAGE, dict(STAGE, proxy=None)])
def test_it_learns_from_references(stage):
    inputs = batch()
    del inputs['reference']
    with pytest.raises(KeyError, match='HyperGuidedRestoration.*reference'):
        build(stage=stage)(inputs, mode='loss')


def test_proxies_are_out_of_the_reach_of_the_weights():
    model = build()
    space = SearchSpace(model)
    assert list(space.variables) == ['stages.0.proxy', 'stages.1.proxy'] and len(space) == 0
    weights = {name: p.clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    model.parse_losses(model(batch(), mode='loss'))[0].backward()
    optimizer.step()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, weights[name]) == ('proxy' in name), name


@pytest.mark.parametrize('options', [dict(stages=0), dict(levels=(49, 0))])
def test_stages_and_levels_are_above_zero(options):
    with pytest.raises(ValueError, match='HyperGuidedRestoration got stages='):
        build(**options)


def test_the_true_guidance_is_known_in_training_alone():
    model = build().eval()
    with pytest.raises(KeyError, match='It does in training mode'):
        GuidanceLoss()(model.images(batch()), {})


def test_proxies_that_nothing_teaches_are_an_error():
    model = MODELS.build(dict(type='HyperGuidedRestoration', stages=2, stage=STAGE))
    with pytest.raises(RuntimeError, match='Nothing trains this GuidanceProxy: .*BilevelSearchHook'):
        model(batch(), mode='loss')
    assert model.eval()(batch()).shape == (2, 3, 24, 30), 'a trained one needs no hook'
    model = MODELS.build(dict(type='HyperGuidedRestoration', stages=2, stage=dict(STAGE, proxy=dict(
        type='GuidanceProxy', channels=4, frozen=True))))
    assert 'loss_stages' in model(batch(), mode='loss')


def test_joint_training_adds_the_guidance_to_the_loss():
    model, inputs = build(guidance_loss=dict(type='GuidanceLoss', weight=100.0, tv=0.1)), batch()
    losses = model(inputs, mode='loss')
    maps = model.images(inputs)['guidance']
    expected = 100 * sum((maps[:, k] - 0.03).square().mean() for k in range(2))
    torch.testing.assert_close(losses['loss_guidance'], expected)
    variation = sum(maps[:, k].diff(dim=-1).abs().mean() + maps[:, k].diff(dim=-2).abs().mean() for k in range(2))
    torch.testing.assert_close(losses['loss_guidance_tv'], 0.1 * variation)


def test_a_proxy_that_does_not_learn_passes_the_gradient_of_relu():
    proxy, x = GuidanceProxy(channels=8), torch.rand(1, 1, 9, 9, requires_grad=True)
    SearchSpace(proxy).relax()
    with torch.no_grad():
        proxy[-2].bias.sub_(proxy(x).mean())  # some of it is 0
    plain = torch.nn.Sequential(*proxy)
    assert 0.1 < float((plain(x) == 0).float().mean()) < 0.9
    grads = [torch.autograd.grad(-net(x).sum(), x)[0] for net in (proxy, plain)]
    assert torch.equal(*grads) and grads[0].any()


def test_a_map_that_is_nothing_but_0_learns_again():
    torch.manual_seed(0)
    proxy = GuidanceProxy(channels=8).requires_grad_(True)
    SearchSpace(proxy).relax()
    x = torch.rand(2, 1, 12, 15, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        proxy[-2].bias.fill_(-1)
        assert not proxy(x).any()
    optimizer = torch.optim.Adam(proxy.parameters(), lr=3e-3)
    for _ in range(400):
        optimizer.zero_grad()
        loss = (proxy(x) - 0.03).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.03**2 / 4


def test_a_proxy_learns_the_noise_level():
    """By the inner loss alone, on images without blur: the estimate follows the truth."""
    torch.manual_seed(0)
    model = build(stages=1, stage=dict(STAGE, proxy=dict(type='GuidanceProxy', channels=8)))
    proxy = model.stages[0].proxy
    theta = list(proxy.parameters())
    optimizer = torch.optim.Adam(theta, lr=5e-3)

    def images(levels):
        noise = torch.tensor(levels).view(-1, 1, 1, 1)
        clean = torch.full((len(levels), 1, 24, 24), 0.5)
        return dict(visible=clean + noise * torch.randn_like(clean), reference=clean,
                    noise=noise.expand(-1, 1, 24, 24))

    loss = GuidanceLoss()
    for _ in range(80):
        for parameter in theta:
            parameter.requires_grad_(True)
        made = model.images(images([0.01, 0.05, 0.1, 0.2]))
        grads = torch.autograd.grad(loss(made, {})['loss_guidance'], theta)
        for parameter, grad in zip(theta, grads):
            parameter.requires_grad_(False)
            parameter.grad = grad
        optimizer.step()
    with torch.no_grad():
        levels = model.images(images([0.02, 0.08, 0.15]))['guidance'].mean((1, 2, 3))
    assert levels[0] < levels[1] < levels[2]
    assert (levels - torch.tensor([0.02, 0.08, 0.15])).abs().max() < 0.03


def test_predictions_carry_the_map_and_do_not_depend_on_the_batch():
    model = build().eval()
    preprocess = PairDataPreprocessor()
    from mmfusenas.structures import FusionDataSample
    images = [torch.randint(0, 256, (1, *size), dtype=torch.uint8) for size in ((24, 30), (20, 26))]
    kernels = [torch.rand(1, 3, 3), torch.rand(1, 5, 5)]
    kernels = [kernel / kernel.sum() for kernel in kernels]

    def prepared(indices):
        samples = [FusionDataSample(metainfo=dict(img_shape=tuple(images[i].shape[1:]))) for i in indices]
        return preprocess(dict(inputs=dict(visible=[images[i] for i in indices],
                                           kernel=[kernels[i] for i in indices]), data_samples=samples))

    with torch.no_grad():
        both = model(**prepared([0, 1]), mode='predict')
        for i in range(2):
            data = prepared([i])
            alone, made = model(**data, mode='predict')[0], model.images(data['inputs'])
            np.testing.assert_allclose(alone.guidance, made['guidance'][0, -1], atol=1e-6)  # of the last stage
            np.testing.assert_allclose(alone.pred_img[..., 0], made['image'][0, 0].clamp(0, 1) * 255, atol=0.51)
            np.testing.assert_allclose(both[i].guidance, alone.guidance, atol=1e-5)
            assert np.abs(both[i].pred_img.astype(int) - alone.pred_img).max() <= 1


def test_stage_loss_of_three_planes():
    stages = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)]).view(1, 6, 4, 4)
    losses = StageLoss()(stages, torch.full((1, 3, 4, 4), 0.5))
    assert float(losses['loss_stages']) == 0.5 and float(losses['mse']) == 0.25


def test_a_physics_step_of_ones_own_fits_in():
    @MODELS.register_module(force=True)
    class Nothing(nn.Module):
        takes_kernel, reads_observation = False, True

        def prepare(self, y, kernel=None):
            return {}

        def forward(self, y, x, rho, guidance, known):
            return x

        def truth(self, y, reference, noise=None):
            return y

    model = build(stage=dict(STAGE, physics=dict(type='Nothing'))).eval()
    assert model(dict(visible=torch.rand(1, 3, 9, 8))).shape == (1, 3, 9, 8)
    MODELS.module_dict.pop('Nothing')


@pytest.mark.parametrize('physics, seen', [('AdditiveLayer', 'y'), ('Scattering', 'y'), ('Deconvolution', 'z')])
def test_a_proxy_looks_where_its_guidance_can_be_seen(physics, seen):
    """Streaks that the physics took out of z are in y alone; noise is in both."""
    model = build(stage=dict(STAGE, physics=dict(type=physics))).eval()
    y, x, map_ = torch.rand(3, 1, 1, 32, 40)
    stage = model.stages[1]
    known = stage.physics.prepare(y)
    images = dict(y=y, z=stage.physics(y, x, 0.1, map_, known))
    torch.testing.assert_close(stage(y, x, 0.1, map_, known)[1], stage.proxy(images[seen]))


@pytest.mark.parametrize('level', [None, 0.03])
def test_a_known_map_reaches_the_denoiser_at_its_scale(level):
    stage = dict(STAGE, proxy=dict(type='KnownGuidance', level=level), scale=10.0)
    model, inputs = build(stage=stage), batch()
    inputs['noise'] = torch.rand_like(inputs['visible']) / 20
    seen = []
    for each in model.stages:
        each.denoiser.register_forward_pre_hook(lambda _, given: seen.append(given[0][:, 1:]))
    for training in (True, False):  # a test needs the map as well
        model.train(training)
        guidance = model.images(inputs)['guidance']
        expected = inputs['noise'] if level is None else torch.full_like(inputs['noise'], level)
        torch.testing.assert_close(guidance, expected.repeat(1, 2, 1, 1))
        torch.testing.assert_close(torch.cat(seen[-2:], 1), 10 * guidance)
    del inputs['noise']
    with pytest.raises(MissingKeyError, match='KnownGuidance.*BlurAndNoise'):
        model.images(inputs)
