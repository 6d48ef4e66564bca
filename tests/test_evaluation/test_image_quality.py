"""Quality of single images: against references (PSNR, SSIM, LPIPS), and without any (NIQE)."""
import cv2
import numpy as np
import pytest
import torch
from mmcv.cnn import AlexNet
from scipy.ndimage import gaussian_filter
from scipy.special import gamma
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn
from torchmetrics.functional.image import lpips as torchmetrics_lpips

from mmfusenas.evaluation.functional.niqe import NaturalModel, niqe
from mmfusenas.evaluation.metrics import GuidedSRMetric, ImageQualityMetric, NIQEMetric
from mmfusenas.evaluation.metrics.image_quality_metric import eight_bit
from mmfusenas.models.losses.lpips import LPIPS


def image(seed=0, height=70, width=90):
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return ((smooth - smooth.min()) / np.ptp(smooth) * 255).round().astype(np.uint8)


@pytest.fixture(scope='module')
def alexnet(tmp_path_factory):
    """A file with the names of torchvision's and random weights in it."""
    torch.manual_seed(0)
    network = AlexNet(num_classes=10)
    for parameter in network.features.parameters():
        nn.init.normal_(parameter, std=0.1)
    path = tmp_path_factory.mktemp('alexnet') / 'alexnet.pth'
    torch.save(network.state_dict(), path)
    return str(path), network.features


def batch(*references):
    tensors = [torch.from_numpy(np.ascontiguousarray(x)).permute(2, 0, 1) for x in references]
    return dict(inputs=dict(reference=tensors))


def test_scores_are_means_over_the_images():
    first, second = image(), image(1)
    metric = ImageQualityMetric()
    metric.process(batch(first, second), [dict(pred_img=second), dict(pred_img=image(2))])
    scores = metric.evaluate(size=2)
    pairs = [(first, second), (second, image(2))]
    assert scores['quality/PSNR'] == pytest.approx(np.mean([peak_signal_noise_ratio(*pair) for pair in pairs]))
    assert scores['quality/SSIM'] == pytest.approx(
        np.mean([structural_similarity(*pair, channel_axis=2) for pair in pairs]))
    assert set(scores) == {'quality/PSNR', 'quality/SSIM'}


@pytest.mark.parametrize('dtype, values', [
    (torch.uint8, [0, 128, 255]), (torch.uint16, [0, 128 * 257, 65535]), (torch.float32, [-3.0, 128.4, 255.6])])
def test_references_of_every_depth_are_compared_in_8_bit(dtype, values):
    packed = torch.tensor(values, dtype=torch.float64).to(dtype).reshape(1, 1, 3)
    assert eight_bit(packed).tolist() == [[[value] * 3 for value in (0, 128, 255)]]


def test_quality_needs_references_of_the_same_size():
    with pytest.raises(KeyError, match='reference images'):
        ImageQualityMetric().process(dict(inputs=dict(visible=[])), [])
    with pytest.raises(ValueError, match='night.png'):
        ImageQualityMetric().process(batch(image()), [dict(pred_img=image(0, 40, 50), img_path='night.png')])


def test_lpips_is_that_of_torchmetrics(alexnet, monkeypatch):
    path, features = alexnet
    monkeypatch.setattr(torchmetrics_lpips, '_get_tv_model_features', lambda *_, **__: features)
    theirs = torchmetrics_lpips._LPIPS(net='alex')
    first, second = (torch.rand(2, 3, 64, 83, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    ours = LPIPS(path)(first, second)
    assert (ours > 0.01).all()
    torch.testing.assert_close(ours, theirs(first, second, normalize=True).flatten(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(LPIPS(path)(first, first), torch.zeros(2))


def test_lpips_sees_rgb_and_has_a_gradient(alexnet):
    lpips = LPIPS(alexnet[0])
    metric = ImageQualityMetric(lpips=alexnet[0])
    metric.process(batch(image()), [dict(pred_img=image(1))])
    rgb = [torch.from_numpy(x[..., ::-1].copy()).permute(2, 0, 1)[None] / 255 for x in (image(1), image())]
    assert metric.evaluate(size=1)['quality/LPIPS'] == pytest.approx(float(lpips(*rgb)), rel=1e-5)
    first, second = (torch.rand(1, 3, 35, 35, dtype=torch.float64, generator=torch.Generator().manual_seed(i))
                     for i in (0, 1))
    first.requires_grad_()
    gradient, = torch.autograd.grad(lpips(first, second).sum(), first)
    step = torch.zeros_like(first)
    step[0, 1, 17, 17] = 1e-6
    with torch.no_grad():
        slope = (lpips(first + step, second) - lpips(first - step, second)) / 2e-6
    assert float(slope) == pytest.approx(float(gradient[0, 1, 17, 17]), rel=1e-4)


def test_lpips_of_several_bands_looks_at_three_of_them(alexnet):
    first, second = (torch.rand(1, 4, 40, 44, generator=torch.Generator().manual_seed(i)) * 2047 for i in (0, 1))
    metric = GuidedSRMetric(full_scale=2047, lpips=alexnet[0], bands=(3, 1, 0))
    metric.process(dict(inputs=dict(reference=second)),
                   [dict(restored=first[0].permute(1, 2, 0).numpy())])
    expected = LPIPS(alexnet[0])(*(x[:, [3, 1, 0]] / 2047 for x in (first, second)))
    assert metric.evaluate(size=1)['sr/LPIPS'] == pytest.approx(float(expected), rel=1e-5)


def test_lpips_refuses_other_files_and_small_images(alexnet, tmp_path):
    torch.save({'features.0.weight': torch.zeros(2)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='no weights of AlexNet'):
        LPIPS(str(tmp_path / 'other.pth'))
    with pytest.raises(ValueError, match='at least 35 x 35'):
        LPIPS(alexnet[0])(torch.rand(1, 3, 34, 40), torch.rand(1, 3, 34, 40))


def fit(x):
    """Asymmetric generalized Gaussian of one block, by moments."""
    shapes = np.arange(0.2, 10.001, 0.001)
    left, right = np.sqrt(np.mean(x[x < 0] ** 2)), np.sqrt(np.mean(x[x > 0] ** 2))
    g = left / right
    moments = np.mean(np.abs(x)) ** 2 / np.mean(x ** 2) * (g ** 3 + 1) * (g + 1) / (g ** 2 + 1) ** 2
    shape = shapes[np.argmin((gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes)) - moments) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


def block_features(grey, top, left, side):
    """The 18 features of one block, computed one after the other."""
    mean = gaussian_filter(grey, 7 / 6, mode='nearest', truncate=3 / (7 / 6))
    deviation = np.sqrt(np.abs(gaussian_filter(grey ** 2, 7 / 6, mode='nearest', truncate=3 / (7 / 6)) - mean ** 2))
    block = ((grey - mean) / (deviation + 1))[top:top + side, left:left + side]
    shape, low, high = fit(block)
    features = [shape, (low + high) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, low, high = fit(block * np.roll(block, shift, (0, 1)))
        features += [shape, (high - low) * gamma(2 / shape) / gamma(1 / shape), low, high]
    return features


@pytest.fixture
def natural(tmp_path):
    generator = np.random.default_rng(0)
    root = generator.normal(size=(36, 36))
    path = tmp_path / 'niqe_pris_params.npz'
    np.savez(path, mu_pris_param=generator.normal(size=(1, 36)), cov_pris_param=root @ root.T)
    return str(path)


def test_niqe_is_the_distance_of_the_features_block_by_block(natural):
    grey = cv2.cvtColor(image(0, 100, 300), cv2.COLOR_BGR2GRAY).astype(np.float64)
    cropped = grey[:96, :288]
    half = nn.functional.interpolate(torch.from_numpy(cropped)[None, None], scale_factor=0.5, mode='bicubic',
                                     antialias=True)[0, 0].numpy()
    features = np.array([block_features(cropped, 0, left, 96) + block_features(half, 0, left // 2, 48)
                         for left in (0, 96, 192)])
    model = np.load(natural)
    difference = model['mu_pris_param'][0] - features.mean(0)
    inverse = np.linalg.pinv((model['cov_pris_param'] + np.cov(features, rowvar=False)) / 2)
    expected = np.sqrt(difference @ inverse @ difference)
    both = torch.from_numpy(np.stack([grey, grey[::-1].copy()]))[:, None]
    ours = niqe(both, NaturalModel.load(natural))
    assert float(ours[0]) == pytest.approx(expected, rel=1e-6)
    assert abs(float(ours[0] - ours[1])) > 1e-6
    metric = NIQEMetric(natural)
    metric.process({}, [dict(pred_img=np.repeat(grey.astype(np.uint8)[..., None], 3, 2))])
    assert metric.evaluate(size=1)['quality/NIQE'] == pytest.approx(expected, rel=1e-6)


def test_niqe_leaves_flat_blocks_out_and_needs_two(natural, tmp_path):
    model = NaturalModel.load(natural)
    grey = torch.from_numpy(cv2.cvtColor(image(0, 96, 288), cv2.COLOR_BGR2GRAY))[None, None].double()
    flat = grey.new_full((1, 1, 96, 288), 50.0)
    assert niqe(torch.cat([grey, flat], -1), model).isfinite()
    assert niqe(flat, model).isnan()
    with pytest.raises(ValueError, match='two blocks'):
        niqe(grey[..., :191], model)
    np.savez(tmp_path / 'other.npz', other=np.zeros(3))
    (tmp_path / 'text.npz').write_text('no archive')
    for name in ('other.npz', 'text.npz'):
        with pytest.raises(ValueError, match='is no niqe_pris_params.npz'):
            NaturalModel.load(str(tmp_path / name))
