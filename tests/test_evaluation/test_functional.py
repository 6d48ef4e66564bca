"""The fusion metrics against their definitions, written pixel by pixel, and against independent implementations."""
import json
import math

import cv2
import numpy as np
import pytest
import torch
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter
from torchmetrics.functional.image import visual_information_fidelity

from mmfusenas.evaluation import functional as F
from mmfusenas.evaluation.suite import FUSION_METRICS, compute_scores, find_metrics, grey_tensor


def triplet(height=24, width=33, number=1, seed=0):
    """Two sources with structure and a mix of them, as whole numbers in [0, 255]."""
    generator = np.random.default_rng(seed)
    noise = generator.uniform(0, 255, (2, number, height, width))
    first, second = (cv2.GaussianBlur(image.transpose(1, 2, 0), (0, 0), sigma).reshape(height, width, number)
                     for image, sigma in zip(noise, (1.0, 2.0)))
    first, second = ((image - image.min()) / np.ptp(image) * 255 for image in (first, second))
    images = [(0.6 * first + 0.3 * second) / 0.9, first, second]
    return [torch.from_numpy(image.transpose(2, 0, 1).round())[:, None] for image in images]


def arrays(images):
    return [image[0, 0].numpy() for image in images]


def entropy_of(values):
    counts = np.unique(values, return_counts=True)[1] / len(values)
    return -(counts * np.log2(counts)).sum()


def test_entropy_and_mutual_information_count_levels():
    fused, *sources = arrays(triplet())
    flat = fused.ravel()
    shares, totals = [], []
    for source in sources:
        pairs = flat * 1000 + source.ravel()
        totals.append(entropy_of(flat) + entropy_of(source.ravel()))
        shares.append(totals[-1] - entropy_of(pairs))
    got = compute_scores(['EN', 'MI', 'NMI'], *triplet())
    assert got['EN'].item() == pytest.approx(entropy_of(flat), abs=1e-12)
    assert got['MI'].item() == pytest.approx(sum(shares), abs=1e-12)
    assert got['NMI'].item() == pytest.approx(sum(2 * s / t for s, t in zip(shares, totals)), abs=1e-12)


def test_statistics_follow_numpy():
    fused, first, second = arrays(triplet())
    got = {name: value.item() for name, value in compute_scores(
        ['SD', 'SF', 'AG', 'CC', 'SCD', 'MSE', 'PSNR'], *triplet()).items()}

    def correlation(x, y):
        return np.corrcoef(x.ravel(), y.ravel())[0, 1]

    dy, dx = np.gradient(fused)
    error = (((fused - first) ** 2).mean() + ((fused - second) ** 2).mean()) / 2
    assert got['SD'] == pytest.approx(fused.std())
    assert got['SF'] == pytest.approx(math.sqrt((np.diff(fused, axis=0) ** 2).mean() + (np.diff(fused) ** 2).mean()))
    assert got['AG'] == pytest.approx(np.sqrt((dx**2 + dy**2) / 2).sum() / (23 * 32))
    assert got['CC'] == pytest.approx((correlation(fused, first) + correlation(fused, second)) / 2)
    assert got['SCD'] == pytest.approx(correlation(fused - first, second) + correlation(fused - second, first))
    assert got['MSE'] == pytest.approx(error / 255**2)
    assert got['PSNR'] == pytest.approx(10 * math.log10(255**2 / error))


def test_vif_is_that_of_torchmetrics():
    fused, first, second = triplet(61, 83)
    expected = sum(visual_information_fidelity(fused, source) for source in (first, second))
    torch.testing.assert_close(F.vif(fused, first, second), expected.view(1).double(), rtol=1e-6, atol=0)


def sobel(image, border):
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float)
    padded = np.pad(image, 1, mode=border)
    height, width = image.shape
    x, y = np.zeros_like(image), np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            window = padded[i:i + 3, j:j + 3]
            x[i, j], y[i, j] = (window * kernel).sum(), -(window * kernel.T).sum()
    angle = np.array([math.pi / 2 if a == 0 else math.atan(b / a) for a, b in zip(x.ravel(), y.ravel())])
    return np.hypot(x, y), angle.reshape(image.shape)


def test_qabf_pixel_by_pixel():
    (g_f, a_f), *sources = (sobel(image, 'constant') for image in arrays(triplet()))
    kept = total = 0.0
    for g_s, a_s in sources:
        for s, f, turn in zip(g_s.ravel(), g_f.ravel(), np.abs(a_s - a_f).ravel()):
            ratio = min(s, f) / max(s, f) if max(s, f) else 0
            q = 0.9994 / (1 + math.exp(-15 * (ratio - 0.5)))
            q *= 0.9879 / (1 + math.exp(-22 * (1 - 2 * turn / math.pi - 0.8)))
            kept, total = kept + q * s, total + s
    assert F.qabf(*triplet()).item() == pytest.approx(kept / total, abs=1e-10)


def test_nabf_pixel_by_pixel():
    mixed, sharp, smooth = triplet()
    (g_f, a_f), *sources = (sobel(image / 8, 'reflect') for image in arrays([sharp, mixed, smooth]))
    artefacts = total = 0.0
    for i, j in np.ndindex(g_f.shape):
        stronger = all(g_f[i, j] > g_s[i, j] for g_s, _ in sources)
        for g_s, a_s in sources:
            s, f = g_s[i, j], g_f[i, j]
            turn = abs(abs(a_s[i, j] - a_f[i, j]) - math.pi / 2) * 2 / math.pi
            strength = 0.9999 / (1 + math.exp(-19 * ((min(s, f) / max(s, f) if max(s, f) else 0) - 0.5)))
            q = math.sqrt(strength * 0.9995 / (1 + math.exp(-22 * (turn - 0.5))))
            weight = s**1.5 if s >= 2 else 0.001
            artefacts, total = artefacts + stronger * (1 - q) * weight, total + weight
    assert artefacts > 0
    assert F.nabf(sharp, mixed, smooth).item() == pytest.approx(artefacts / total, abs=1e-10)


def test_an_edge_that_no_source_has_is_an_artefact():
    flat = torch.full((1, 1, 20, 20), 100.0)
    edge = flat.clone()
    edge[..., 10:] = 180
    assert F.nabf(edge, flat, flat).item() == pytest.approx(2 / 20, abs=1e-3)  # two of twenty columns
    assert F.nabf(flat, edge, flat) == 0
    assert F.qabf(edge, edge, edge) > 0.97  # the sigmoids end a little below 1


def window_information(x, y):
    """2 MI / (H + H) of two windows of nine numbers (Haghighat and Razian 2014, Nelsen 1987)."""
    if (x == y).all():
        return 1.0
    p, q = (np.full(9, 1 / 9) if np.ptp(w) == 0 else (w - w.min()) / (w - w.min()).sum() for w in (x, y))
    cdf_p, cdf_q = np.cumsum(p), np.cumsum(q)
    flat = np.ptp(p) == 0 or np.ptp(q) == 0
    correlation = 0.0 if flat else np.corrcoef(p, q)[0, 1]
    bound = np.array([[min(a, b) if correlation >= 0 else max(a + b - 1, 0) for b in cdf_q] for a in cdf_p])
    joint = np.zeros((9, 9))
    for i, j in np.ndindex(9, 9):
        joint[i, j] = (bound[i, j] - (bound[i - 1, j] if i else 0) - (bound[i, j - 1] if j else 0)
                       + (bound[i - 1, j - 1] if i and j else 0))
    place = np.arange(9)
    spread = math.sqrt((((place**2 * p).sum() - (place * p).sum() ** 2))
                       * ((place**2 * q).sum() - (place * q).sum() ** 2))
    largest = (place[:, None] * place * joint).sum() - (place * p).sum() * (place * q).sum()
    part = correlation * spread / largest if abs(largest) > 1e-6 else 0.0
    mixed = part * joint + (1 - part) * np.outer(p, q)
    bits = [-(d[d != 0] * np.log2(np.abs(d[d != 0]))).sum() for d in (p, q, mixed)]
    return 2 * (bits[0] + bits[1] - bits[2]) / (bits[0] + bits[1])


@pytest.mark.parametrize('feature', ['gradient', 'pixel', 'dct'])
def test_fmi_window_by_window(feature):
    features = dict(gradient=lambda x: np.gradient(x, axis=1), pixel=lambda x: x, dct=lambda x: dctn(x, norm='ortho'))
    images = triplet(9, 12)
    fused, *sources = (features[feature](image) for image in arrays(images))
    expected = np.mean([
        window_information(fused[i:i + 3, j:j + 3].T.ravel(), source[i:i + 3, j:j + 3].T.ravel())
        for source in sources for i in range(7) for j in range(10)])
    assert F.feature_mutual_information(*images, feature=feature).item() == pytest.approx(expected, abs=1e-5)


def test_fmi_does_not_depend_on_how_windows_are_grouped(monkeypatch):
    images = triplet(20, 31)
    whole = F.feature_mutual_information(*images)
    monkeypatch.setattr('mmfusenas.evaluation.functional.feature_information._CHUNK', 7)
    torch.testing.assert_close(F.feature_mutual_information(*images), whole)


def test_ssim_is_that_of_scikit_image():
    structural_similarity = pytest.importorskip('skimage.metrics').structural_similarity
    fused, *sources = arrays(triplet(40, 50))
    expected = sum(structural_similarity(fused, source, data_range=255) for source in sources)
    assert F.ssim(*triplet(40, 50)).item() == pytest.approx(expected, abs=1e-6)


def test_ms_ssim_takes_as_many_scales_as_fit():
    equal = triplet(200, 180)[0]
    torch.testing.assert_close(F.ms_ssim(equal, equal, equal), torch.tensor([2.0]).double())
    small = F.ms_ssim(*triplet(15, 15))  # one scale: a Gaussian window of 11 pixels
    assert 0 < small < 2


def test_ms_ssim_is_the_product_over_five_scales():
    """Wang et al., 2003: contrast and structure of every scale, luminance of the last, to the power of the weights."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    fused, *sources = triplet(180, 176)
    expected = 0.0
    for source in sources:
        x, y, product = fused, source, 1.0
        for level, weight in enumerate(weights):
            luminance, contrast = gaussian_similarity(x[0, 0].numpy(), y[0, 0].numpy())
            inside = slice(5, -5)  # where the window fits; torchmetrics takes the last scale whole, mirrored
            product *= np.mean(contrast * luminance if level == 4 else contrast[inside, inside]) ** weight
            x, y = (torch.nn.functional.avg_pool2d(image, 2) for image in (x, y))
        expected += product
    assert F.ms_ssim(fused, *sources).item() == pytest.approx(expected, abs=1e-4)
    assert F.ms_ssim(fused, *sources).item() != pytest.approx(F.ssim(fused, *sources).item(), abs=1e-2)


def gaussian_similarity(x, y):
    """Luminance and contrast-structure terms under a Gaussian window of 11 pixels."""
    def mean(image):
        return gaussian_filter(image, 1.5, truncate=5 / 1.5, mode='mirror')

    mean_x, mean_y = mean(x), mean(y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x ** 2 + mean_y ** 2 + c1)
    variances = mean(x * x) - mean_x ** 2 + mean(y * y) - mean_y ** 2
    return luminance, (2 * (mean(x * y) - mean_x * mean_y) + c2) / (variances + c2)


@pytest.mark.parametrize('name', FUSION_METRICS)
def test_a_batch_is_its_images_one_by_one(name):
    images = triplet(45, 52, number=3)
    together = compute_scores([name], *images)[name]
    alone = torch.cat([compute_scores([name], *(image[k:k + 1] for image in images))[name] for k in range(3)])
    assert together.shape == (3,) and together.std() > 0
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize('name', FUSION_METRICS)
@pytest.mark.parametrize('value', [0.0, 255.0])
def test_flat_images_give_numbers(name, value):
    fused, first, second = triplet(45, 52)
    flat = torch.full_like(first, value)
    for images in ((fused, flat, second), (flat, first, second), (flat, flat, flat)):
        score = compute_scores([name], *images)[name]
        assert not score.isnan().any()
        assert name == 'PSNR' or score.isfinite().all()


@pytest.mark.parametrize('name', FUSION_METRICS)
def test_copying_a_source_is_better_than_an_unrelated_image(name):
    if not FUSION_METRICS[name].needs_sources:
        pytest.skip('looks at the fused image alone')
    _, first, second = triplet(45, 52)
    unrelated = triplet(45, 52, seed=1)[1]
    source = second if name == 'CC_infrared' else first
    copied, other = (compute_scores([name], fused, first, second)[name] for fused in (source, unrelated))
    assert (copied > other) == FUSION_METRICS[name].higher_is_better


@pytest.mark.parametrize(('wrong', 'message'), [
    (lambda x: x / 255, r'scaled to \[0, 1\]'), (lambda x: x * 2, r'have to be in \[0, 255\]'),
    (lambda x: x * math.nan, r'have to be in \[0, 255\]'), (lambda x: x[:, :, 1:], 'all the same'),
    (lambda x: x[0], 'all the same')])
def test_wrong_images_are_refused(wrong, message):
    fused, first, second = triplet()
    with pytest.raises(ValueError, match=message):
        F.mutual_information(wrong(fused), first, second)


def test_too_small_images_and_unknown_names_are_refused():
    with pytest.raises(ValueError, match='33 x 24 pixels .* needs 41'):
        F.vif(*triplet())
    with pytest.raises(ValueError, match="feature='edge'"):
        F.feature_mutual_information(*triplet(), feature='edge')
    with pytest.raises(ValueError, match='Qabf'):
        find_metrics(['qafb'])
    assert find_metrics(['mi', 'Q-abf', 'MI']) == ['MI', 'Qabf'] and find_metrics(['all']) == list(FUSION_METRICS)


def test_grey_of_every_depth():
    colour = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    grey = grey_tensor(colour)
    assert grey.shape == (1, 1, 8, 9) and (grey[0, 0].numpy() == cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)).all()
    deep = colour[..., 0].astype(np.uint16)
    assert (grey_tensor(deep * 257) == grey_tensor(colour[..., 0])).all()
    assert grey_tensor(deep, full_scale=1023).max() == pytest.approx(deep.max() * 255 / 1023)


TOLERANCES = dict(  # relative ones where the table of the references says so
    EN=('EN', 1e-6, 0), SD=('SD', 0, 1e-6), SF=('SF', 0, 1e-6), AG=('AG', 0, 1e-6), CC=('CC', 1e-6, 0),
    SCD=('SCD', 1e-6, 0), MSE=('MSE', 0, 1e-6), MI=('MI', 0, 2e-3), VIFF_python=('VIF', 0, 1e-4),
    Qabf=('Qabf', 2e-3, 0), Nabf=('Nabf', 2e-3, 0), SSIM_sum_skimage=('SSIM', 1e-3, 0),
    FMI_none=('FMI_pixel', 1e-3, 0), FMI_gradient=('FMI', 1e-3, 0), FMI_dct=('FMI_dct', 1e-3, 0))


def test_values_of_independent_implementations(shared):
    folder = shared / 'reference/metrics'
    compared = set()
    for case in json.loads((folder / 'values.json').read_text()):
        images = [grey_tensor(cv2.imread(str(folder / case[name]), 0)) for name in ('fused', 'visible', 'infrared')]
        corner = [image[..., :48, :48] for image in images]
        for values, inputs in ((case['values'], images), (case.get('fmi_on_top_left_48x48', {}), corner)):
            for name, expected in values.items():
                if name in TOLERANCES:
                    ours, absolute, relative = TOLERANCES[name]
                    got = compute_scores([ours], *inputs)[ours].item()
                    assert got == pytest.approx(expected, abs=absolute, rel=relative), (case['fused'], name)
                    compared.add(name)
    assert compared == set(TOLERANCES)
