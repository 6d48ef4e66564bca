"""Fusion metrics in the evaluation loop: the figures of the functions, for every depth and kind of model."""
import numpy as np
import pytest
import torch

from mmfusenas.evaluation import functional as F
from mmfusenas.evaluation.metrics import FusionMetric
from mmfusenas.registry import METRICS


def batch(dtype=np.uint8, number=2, scale=1):
    generator = np.random.default_rng(0)
    fused = [generator.integers(0, 256, (48, 50, 3), np.uint8) for _ in range(number)]
    visible = [np.repeat(generator.integers(0, 256, (1, 48, 50)).astype(dtype) * scale, 3, 0) for _ in range(number)]
    infrared = [generator.integers(0, 256, (1, 48, 50)).astype(dtype) * scale for _ in range(number)]
    inputs = dict(visible=[torch.from_numpy(x) for x in visible], infrared=[torch.from_numpy(x) for x in infrared])
    return dict(inputs=inputs), [dict(pred_img=image) for image in fused]


def grey(image):
    import cv2
    return torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)).double()[None, None]


def test_scores_are_the_means_of_the_functions():
    metric = METRICS.build(dict(type='mmfusenas.FusionMetric', metric=['mi', 'VIF', 'EN']))
    data, samples = batch()
    for k in range(2):  # in two batches of one
        metric.process(dict(inputs={name: images[k:k + 1] for name, images in data['inputs'].items()}),
                       samples[k:k + 1])
    got = metric.evaluate(size=2)
    triplets = [(grey(sample['pred_img']), visible[None, :1], infrared[None]) for sample, visible, infrared in zip(
        samples, data['inputs']['visible'], data['inputs']['infrared'])]
    expected = {'fusion/MI': F.mutual_information, 'fusion/VIF': F.vif}
    for name, function in expected.items():
        assert got[name] == pytest.approx(np.mean([function(*triplet).item() for triplet in triplets]))
    assert got['fusion/EN'] == pytest.approx(np.mean([F.entropy(triplet[0]).item() for triplet in triplets]))


@pytest.mark.parametrize(('dtype', 'scale', 'bit_depth'), [
    (np.uint16, 257, None), (np.float32, 1, None), (np.uint16, 4, dict(visible=10, infrared=10))])
def test_depths_give_the_same_scores(dtype, scale, bit_depth):
    scores = []
    for data, kwargs in ((batch(), {}), (batch(dtype, scale=scale), dict(bit_depth=bit_depth))):
        metric = FusionMetric(metric=['MI', 'SSIM'], **kwargs)
        metric.process(*data)
        scores.append(metric.evaluate(size=2))
    assert scores[0] == pytest.approx(scores[1], rel=0.02)  # 10 bits: 4 x 255 of 1023


def test_all_metrics_and_an_unknown_one():
    metric = FusionMetric(metric='all')
    metric.process(*batch())
    assert all(np.isfinite(value) for value in metric.evaluate(size=2).values())
    with pytest.raises(ValueError, match="no fusion metric 'SIMM'; the nearest is 'SSIM'"):
        FusionMetric(metric=['SIMM'])


def test_a_set_of_one_sensor_is_named():
    with pytest.raises(KeyError, match=r"both sensors; the inputs are \['visible'\].*infrared='Ir'"):
        FusionMetric().process(dict(inputs=dict(visible=[])), [])
