"""Metrics of restorations: deblurred images, estimated noise, and the scores of a classifier of quality."""
import json

import numpy as np
import pytest
import torch

from mmfusenas.evaluation.metrics import DeblurMetric, ImageQualityMetric, NoiseLevelError, QualityAccuracy

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def deblurred(image, kernel=None, **options):
    """Return the scores of a result beside IMAGE, of which a kernel of that width was taken."""
    metric = DeblurMetric(**options)
    inputs = dict(reference=[torch.from_numpy(IMAGE).permute(2, 0, 1)])
    if kernel:
        inputs['kernel'] = [torch.zeros(1, kernel, kernel)]
    metric.process(dict(inputs=inputs), [dict(pred_img=image, img_path='street.png')])
    return metric.evaluate(size=1)


def test_a_moved_image_is_as_good_as_one_in_its_place():
    for move in ((2, 0), (-1, 2), (0, 0)):
        assert deblurred(np.roll(IMAGE, move, (0, 1))) == {'quality/PSNR': np.inf, 'quality/SSIM': 1}
    assert deblurred(np.roll(IMAGE, 2, 1), shift=1)['quality/SSIM'] < 0.5
    grey = np.full_like(IMAGE, 128)
    error = np.square(IMAGE[2:-2, 2:-2].astype(float) - 128).mean()
    assert deblurred(grey, shift=0, kernel=5)['quality/PSNR'] == pytest.approx(10 * np.log10(255**2 / error))


def test_half_a_kernel_at_the_border_does_not_count():
    broken = IMAGE.copy()
    broken[:5] = broken[:, -5:] = 0
    assert deblurred(broken, kernel=7)['quality/SSIM'] == 1  # 3 of the kernel, 2 of the shift
    assert deblurred(broken, kernel=5)['quality/SSIM'] < 1
    with pytest.raises(ValueError, match=r'street\.png.*\(40, 50\).*17 pixels'):
        deblurred(IMAGE, kernel=31)


def test_noise_is_compared_in_percent():
    metric = NoiseLevelError()
    for level, estimate in ((2.55, 0.02), (5.1, 0.02), (7.65, 0.05)):  # 1, 2 and 3 percent
        spread = estimate + 0.01 * np.array([[1, -1], [-1, 1]])
        metric.process(dict(inputs=dict(noise=[torch.full((1, 2, 2), level)])), [dict(guidance=spread)])
    scores = metric.compute_metrics(metric.results)
    assert scores['level_error'] == pytest.approx((1 + 0 + 2) / 3)
    assert scores['map_error'] == pytest.approx((1 + 1 + 2) / 3)
    assert scores['correlation'] == pytest.approx(np.corrcoef([1, 2, 3], [2, 2, 5])[0, 1])
    assert set(metric.compute_metrics(metric.results[:2])) == {'level_error', 'map_error'}


def test_a_score_is_right_on_either_side_of_one_half():
    metric = QualityAccuracy()
    scores = [(0.1, 0.9), (0.6, 0.5), (0.4, 0.2), (0.2, 0.7)]
    metric.process({}, [dict(good=dict(visible=poor, reference=good)) for poor, good in scores])
    assert metric.evaluate(size=4) == {
        'classifier/poor': 0.75, 'classifier/good': 0.75, 'classifier/accuracy': 0.75}
    metric.process({}, [dict(good=dict(visible=0.5, reference=0.5))])
    assert metric.evaluate(size=1) == {'classifier/poor': 0, 'classifier/good': 1, 'classifier/accuracy': 0.5}


@pytest.mark.parametrize('metric, message', [
    (DeblurMetric(), 'DeblurMetric compares with reference images'),
    (NoiseLevelError(), 'NoiseLevelError compares with the true level')])
def test_what_is_compared_with_has_to_be_there(metric, message):
    with pytest.raises(KeyError, match=message):
        metric.process(dict(inputs=dict(visible=[])), [])


@pytest.mark.parametrize('metric', [DeblurMetric, ImageQualityMetric])
def test_the_scores_of_single_images_are_written(metric, tmp_path):
    rng = np.random.default_rng(0)
    scorer = metric(outfile_prefix=str(tmp_path / 'out' / 'scores'))
    for name, error in (('a.png', 2), ('b.png', 20)):
        reference = rng.integers(40, 200, (40, 50, 3), np.uint8)
        packed = torch.from_numpy(reference).permute(2, 0, 1)
        sample = dict(pred_img=reference + np.uint8(error), img_path=name)
        scorer.process(dict(inputs=dict(reference=[packed])), [sample])
    mean = scorer.evaluate(size=2)['quality/PSNR']
    found = json.loads((tmp_path / 'out/scores.json').read_text())
    psnr = {name: 20 * np.log10(255 / error) for name, error in (('a.png', 2), ('b.png', 20))}
    assert {name: scores['PSNR'] for name, scores in found.items()} == pytest.approx(psnr)
    assert mean == pytest.approx(np.mean(list(psnr.values())))
