"""The fusion loss: its values, its gradients, and which way they pull."""
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.autograd import gradcheck

from mmfusenas.models.losses import FusionLoss, ssim
from mmfusenas.models.losses.information import gradient_information, information_weights
from mmfusenas.models.losses.vgg_information import VGGInformation


def pictures(*shape, seed=0):
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
    x, y = pictures(1, 61, 83)
    expected = [ssim_by_definition(a[0].numpy(), b[0].numpy()) for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(ssim(x, y), torch.tensor(expected, dtype=torch.float64), atol=1e-10, rtol=0)
    torch.testing.assert_close(ssim(255 * x, 255 * y, data_range=255.0), ssim(x, y))


def test_ssim_of_equal_and_of_opposite_pictures():
    x, _ = pictures(1, 20, 30)
    torch.testing.assert_close(ssim(x, x), torch.ones(2, dtype=torch.float64))
    assert (ssim(x, 1 - x) < 0).all()


@pytest.mark.parametrize(('a', 'b'), [((1, 1, 20, 20), (1, 1, 20, 21)), ((1, 3, 20, 20),) * 2, ((1, 1, 10, 20),) * 2])
def test_ssim_of_the_wrong_shapes(a, b):
    with pytest.raises(ValueError, match='at least 11 pixels a side'):
        ssim(torch.rand(a), torch.rand(b))


def test_half_precision_leaves_the_loss_as_it_is():
    generator = torch.Generator().manual_seed(0)
    # A dim, smooth pair: its variances are a small difference of large numbers.
    pair = 0.4 + 0.01 * torch.nn.functional.interpolate(torch.rand(2, 1, 8, 8, generator=generator), (40, 40))
    first, second = pair[:1], pair[1:]
    loss, grads = FusionLoss(), []
    for half in (False, True):
        fused = (0.5 * (first + second)).requires_grad_()
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            total = sum(loss(fused, first, second).values())
        grads.append((total.detach(), *torch.autograd.grad(total, fused)))
    torch.testing.assert_close(grads[0], grads[1])


def test_gradients_against_finite_differences():
    x, y = pictures(1, 12, 13)
    assert gradcheck(ssim, (x.requires_grad_(), y.requires_grad_()))
    first, second = x.detach(), y.detach()
    fused = (0.5 * (first + second) ** 2).requires_grad_()
    loss = FusionLoss()
    assert gradcheck(lambda image: sum(loss(image, first, second).values()), (fused,))


def test_information_is_the_mean_squared_laplacian_over_five_sizes():
    picture = torch.rand(1, 1, 32, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected, image = [], 255 * picture[0, 0].numpy()
    for _ in range(4):  # the fifth size, 2 x 3, is smaller than the kernel
        inner = image[1:-1, 1:-1]
        rows, columns = inner.shape
        around = sum(image[i:i + rows, j:j + columns] for i in range(3) for j in range(3)) - inner
        expected.append(np.mean((around / 8 - inner) ** 2))
        height, width = image.shape
        image = image.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    assert gradient_information(picture).item() == pytest.approx(np.mean(expected))


def test_flat_picture_holds_no_information():
    assert gradient_information(torch.full((1, 1, 32, 32), 0.4)).item() == pytest.approx(0, abs=1e-6)


def test_weights_sum_to_one_and_prefer_the_picture_that_shows_more():
    rich, _ = pictures(1, 40, 50)
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
    picture = torch.rand(2, 1, 96, 128, generator=torch.Generator().manual_seed(0))
    x = (picture.expand(-1, 3, -1, -1) - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
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
    np.testing.assert_allclose(VGGInformation(path)(picture).numpy(), np.mean(expected, 0), rtol=1e-4)
    for small in (1, 47, 94):
        assert VGGInformation(path)(picture[..., :small, :]).shape == (2,)


def test_a_temperature_near_0_is_one():
    first, second = pictures(1, 30, 34)
    weights = information_weights(first, second, 1e-9)
    assert set(weights.flatten().tolist()) == {0.0, 1.0}
    mse = torch.stack([(first - source).pow(2).flatten(1).mean(1) for source in (first, second)], 1)
    torch.testing.assert_close(FusionLoss(temperature=1e-9)(first, first, second)['loss_intensity'],
                               20 * (weights * mse).sum(1).mean())


def test_loss_with_vgg_weighs_by_it_and_keeps_it_out_of_checkpoints(vgg):
    loss = FusionLoss(vgg=vgg[0], temperature=1e-3)
    assert not loss.state_dict()
    first, second = (x.float() for x in pictures(1, 96, 96))
    weights = information_weights(first, second, 1e-3, VGGInformation(vgg[0]))
    assert (weights[:, 0] - 0.5).abs().min() > 0.01
    mse = torch.stack([(first - source).pow(2).flatten(1).mean(1) for source in (first, second)], 1)
    torch.testing.assert_close(loss(first, first, second)['loss_intensity'], 20 * (weights * mse).sum(1).mean())


def test_vgg_refuses_other_files(tmp_path):
    loss = FusionLoss(vgg=str(tmp_path / 'missing.pth'))  # a trained model is rebuilt without the file
    with pytest.raises(FileNotFoundError):
        loss(*torch.rand(3, 1, 1, 96, 96))
    torch.save({'features.0.weight': torch.zeros(2)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='no weights of VGG '):
        VGGInformation(str(tmp_path / 'other.pth'))


def test_loss_is_the_weighted_sum_over_the_sources():
    first, second = pictures(1, 30, 34)
    fused, _ = pictures(1, 30, 34, seed=5)
    w = information_weights(first, second, 2000.0)
    mse = torch.stack([(fused - source).pow(2).flatten(1).mean(1) for source in (first, second)], 1)
    dissimilarity = torch.stack([1 - ssim(fused, source) for source in (first, second)], 1)
    losses = FusionLoss(intensity_weight=7.0, ssim_weight=3.0, temperature=2000.0)(fused, first, second)
    torch.testing.assert_close(losses['loss_intensity'], 7 * (w * mse).sum(1).mean())
    torch.testing.assert_close(losses['loss_ssim'], 3 * (w * dissimilarity).sum(1).mean())


def test_loss_of_two_equal_sources_vanishes_at_them():
    x, _ = pictures(1, 20, 30)
    assert sum(FusionLoss()(x, x, x).values()).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize('warm', [0.9, 0.1])
def test_gradient_pulls_towards_the_sources(warm):
    """Polarity: where a source is brighter than the fused picture, descent brightens; where darker, it darkens."""
    source = torch.full((1, 1, 40, 40), 0.5, dtype=torch.float64)
    source[:, :, 12:28, 12:28] = warm
    fused = torch.full_like(source, 0.5).requires_grad_()
    sum(FusionLoss()(fused, source, source).values()).backward()
    descent = -fused.grad[0, 0, 12:28, 12:28]
    assert (descent.sign() == (1 if warm > 0.5 else -1)).all()


def test_descent_reaches_the_more_informative_source():
    rich, _ = pictures(1, 24, 24)
    dark = torch.full_like(rich, 0.05)
    fused = (0.5 * (rich + dark)).requires_grad_()
    optimizer, loss = torch.optim.Adam([fused], lr=0.05), FusionLoss()
    for _ in range(60):
        optimizer.zero_grad()
        sum(loss(fused, rich, dark).values()).backward()
        optimizer.step()
    assert (fused - rich).abs().mean() < 0.02
