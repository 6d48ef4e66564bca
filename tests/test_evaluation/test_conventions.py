"""The convention of CDDFuse's evaluator, against its definitions written out image by image and pixel by pixel."""
import json
import math
from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from mmfusenas.evaluation.metrics import FusionMetric
from mmfusenas.evaluation.suite import (
    CDDFUSE_METRICS,
    CONVENTIONS,
    FUSION_METRICS,
    compute_scores,
    find_metrics,
    grey_tensor,
)

NAMES = list(CDDFUSE_METRICS)


def read(image):
    """Grey in single precision, rounded half to even."""
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=2)
    return np.round(cv2.cvtColor(image.astype(np.float32), cv2.COLOR_BGR2GRAY)).astype(float)


def entropy(fused):
    counts = Counter(fused.ravel())
    return -sum(n / fused.size * math.log2(n / fused.size) for n in counts.values())


def spatial_frequency(fused):
    rows = [(fused[i, j] - fused[i, j - 1]) ** 2 for i in range(fused.shape[0]) for j in range(1, fused.shape[1])]
    columns = [(fused[i, j] - fused[i - 1, j]) ** 2 for i in range(1, fused.shape[0]) for j in range(fused.shape[1])]
    return math.sqrt(np.mean(rows) + np.mean(columns))


def mutual_information(fused, source):
    pairs = Counter(zip(fused.ravel(), source.ravel()))
    of_fused, of_source = Counter(fused.ravel()), Counter(source.ravel())
    return sum(n / fused.size * math.log(n * fused.size / (of_fused[f] * of_source[s])) for (f, s), n in pairs.items())


def correlation(x, y):
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / math.sqrt((x * x).sum() * (y * y).sum())


def vif(source, fused):
    seen = available = 0.0
    for scale in range(1, 5):
        size = 2 ** (4 - scale + 1) + 1
        y, x = np.mgrid[:size, :size] - (size - 1) / 2
        window = np.exp(-(x * x + y * y) / (2 * (size / 5) ** 2))
        window /= window.sum()
        if scale > 1:
            source, fused = (convolve2d(image, window, mode='valid')[::2, ::2] for image in (source, fused))
        mean_s, mean_f, ss, ff, sf = (convolve2d(image, window, mode='valid') for image in (
            source, fused, source * source, fused * fused, source * fused))
        for i, j in np.ndindex(mean_s.shape):
            var_s, var_f = max(ss[i, j] - mean_s[i, j] ** 2, 0), max(ff[i, j] - mean_f[i, j] ** 2, 0)
            covariance = sf[i, j] - mean_s[i, j] * mean_f[i, j]
            gain = covariance / (var_s + 1e-10)
            rest = max(var_f - gain * covariance, 1e-10)
            if var_s >= 1e-10 and var_f >= 1e-10 and gain > 0:
                seen += math.log10(1 + gain ** 2 * var_s / (rest + 2))
            available += math.log10(1 + (var_s if var_s >= 1e-10 else 0) / 2)
    return seen / available if available else 1.0


def edges(image):
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float)
    x = convolve2d(image, kernel, mode='same')
    y = convolve2d(image, np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float), mode='same')
    angle = [math.pi / 2 if a == 0 else math.atan(b / a) for a, b in zip(x.ravel(), y.ravel())]
    return np.sqrt(x * x + y * y).ravel(), np.array(angle)


def qabf(fused, *sources):
    g_f, a_f = edges(fused)
    kept = total = 0.0
    for g_s, a_s in map(edges, sources):
        for f, s, turn in zip(g_f, g_s, np.abs(a_s - a_f)):
            ratio = f if f == s else min(f, s) / max(f, s)  # the strength itself where both are equal
            strength = 0.9994 / (1 + math.exp(-15 * (ratio - 0.5)))
            direction = 0.9879 / (1 + math.exp(-22 * (1 - turn / (math.pi / 2) - 0.8)))
            kept, total = kept + strength * direction * s, total + s
    return kept / total


def ssim(x, y):
    values = []
    for i, j in np.ndindex(x.shape[0] - 6, x.shape[1] - 6):
        a, b = x[i:i + 7, j:j + 7].ravel(), y[i:i + 7, j:j + 7].ravel()
        (var_a, both), (_, var_b) = np.cov(a, b)
        c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # scikit-image's range of floating-point images: -1 to 1
        values.append((2 * a.mean() * b.mean() + c1) * (2 * both + c2)
                      / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (var_a + var_b + c2)))
    return np.mean(values)


def expected(fused, visible, infrared):
    """The eight figures of three grey images."""
    sources = visible, infrared
    return dict(
        EN=entropy(fused), SD=np.std(fused), SF=spatial_frequency(fused),
        MI=sum(mutual_information(fused, source) for source in sources),
        SCD=correlation(fused - visible, infrared) + correlation(fused - infrared, visible),
        VIF=sum(vif(source, fused) for source in sources), Qabf=qabf(fused, *sources),
        SSIM=sum(ssim(fused, source) for source in sources))


def colour(kind, seed=0):
    """Fused, visible (both BGR) and infrared images of 8 bits."""
    generator = np.random.default_rng(seed)
    visible, infrared = (generator.integers(0, 256, shape, np.uint8) for shape in ((44, 50, 3), (44, 50)))
    if kind == 'smooth':
        visible, infrared = (cv2.GaussianBlur(image, (0, 0), 2) for image in (visible, infrared))
    return (0.6 * visible + 0.4 * infrared[..., None]).astype(np.uint8), visible, infrared


def scores(*images):
    tensors = [CONVENTIONS['cddfuse'].read(image, None) for image in images]
    return {name: value.item() for name, value in compute_scores(NAMES, *tensors, metrics=CDDFUSE_METRICS).items()}


@pytest.mark.parametrize('kind', ['random', 'smooth'])
def test_the_eight_figures(kind):
    images = colour(kind)
    assert scores(*images) == pytest.approx(expected(*map(read, images)), abs=1e-9)


def test_where_the_two_conventions_differ():
    fused, visible, infrared = (torch.from_numpy(read(image))[None, None] for image in colour('smooth'))
    # The fused image is the visible one: all edges are ties.
    ours, theirs = (compute_scores(NAMES, visible, visible, infrared, metrics=metrics)
                    for metrics in (FUSION_METRICS, CDDFUSE_METRICS))
    assert {name for name in NAMES if not torch.equal(ours[name], theirs[name])} == {'MI', 'Qabf', 'SSIM'}
    assert theirs['MI'] == pytest.approx(ours['MI'].item() * math.log(2))


def test_grey_is_rounded_from_single_precision():
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    got = CONVENTIONS['cddfuse'].read(image, None)
    assert (got[0, 0].numpy() == read(image)).all()
    assert not torch.equal(got, grey_tensor(image))  # OpenCV's grey of uint8 rounds otherwise
    assert (got - grey_tensor(image)).abs().max() == 1
    fractions = CONVENTIONS['cddfuse'].read(np.array([[2.5, 3.5, 7.4]]), None)
    assert fractions.flatten().tolist() == [2, 4, 7]


def test_sixteen_bits_are_read_at_eight(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30), np.uint16)
    cv2.imwrite(str(tmp_path / 'deep.png'), deep)
    got = CONVENTIONS['cddfuse'].read(deep, None)
    assert (got[0, 0].numpy() == read(cv2.imread(str(tmp_path / 'deep.png')))).all()
    ten = CONVENTIONS['cddfuse'].read(np.array([[0, 511, 1023]], np.uint16), 1023.0)
    assert ten.flatten().tolist() == [0, 127, 255]


def test_identical_images():
    _, _, image = colour('smooth')
    got, grey = scores(image, image, image), read(image)
    assert got['MI'] == pytest.approx(2 * entropy(grey) * math.log(2))
    assert (got['VIF'], got['SSIM']) == pytest.approx((2, 2))
    assert got['Qabf'] == pytest.approx(qabf(grey, grey, grey), abs=1e-10)
    assert got['SCD'] == 0  # the evaluator divides 0 by 0 and gives NaN


@pytest.mark.parametrize('value', [0, 90])
def test_constant_images_give_numbers(value):
    fused, _, infrared = colour('smooth')
    flat = np.full((44, 50), value, np.uint8)
    for images in ((fused, flat, infrared), (flat, infrared, infrared), (flat, flat, flat)):
        assert all(math.isfinite(score) for score in scores(*images).values())
    got = scores(flat, flat, flat)
    assert (got['EN'], got['SD'], got['SF'], got['MI'], got['SCD']) == (0, 0, 0, 0, 0)
    assert (got['VIF'], got['SSIM']) == (2, 2)
    # Black has no edge at all, where the evaluator gives NaN; of another value the zero padding makes the border one.
    grey = read(flat)
    assert got['Qabf'] == pytest.approx(qabf(grey, grey, grey) if value else 1)


def test_in_the_evaluation_loop():
    metric = FusionMetric(convention='cddfuse')
    for seed in range(2):
        fused, visible, infrared = colour('random', seed)
        visible, infrared = torch.from_numpy(visible.transpose(2, 0, 1)), torch.from_numpy(infrared)[None]
        inputs = dict(visible=[visible], infrared=[infrared])
        metric.process(dict(inputs=inputs), [dict(pred_img=fused)])
    wanted = [scores(*colour('random', seed)) for seed in range(2)]
    assert metric.evaluate(size=2) == pytest.approx({
        f'cddfuse/{name}': np.mean([values[name] for values in wanted]) for name in NAMES})


def test_unknown_names():
    with pytest.raises(ValueError, match="convention='cdfuse'; the nearest is 'cddfuse'"):
        FusionMetric(convention='cdfuse')
    with pytest.raises(ValueError, match="no fusion metric 'FMI'.* There are EN, SD, SF, MI, SCD, VIF, Qabf, SSIM"):
        FusionMetric('FMI', convention='cddfuse')
    assert find_metrics(['all'], CDDFUSE_METRICS) == NAMES


def test_values_of_the_published_evaluator(shared):
    folder = shared / 'reference/metrics'
    for case in json.loads((folder / 'values.json').read_text()):
        got = scores(*(cv2.imread(str(folder / case[name])) for name in ('fused', 'visible', 'infrared')))
        assert got['VIF'] == pytest.approx(case['values']['VIFF_python'], rel=1e-6)
        assert got['Qabf'] == pytest.approx(case['values']['Qabf_python'], abs=1e-6)
