"""Weights in half precision: which are rounded, and which changes are too large."""
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from mmfusenas.apis.fusion_inferencer import FusionInferencer
from mmfusenas.apis.half_precision import build_inferencer, builtin_inputs, half_weights, weights_effect
from mmfusenas.apis.loading import build_model
from mmfusenas.models.scene import TIMFusion


@pytest.fixture
def detector(detector_config: Callable) -> nn.Module:
    """A detector that finds its first class, with scores near 0.5."""
    pytest.importorskip('mmdet')
    torch.manual_seed(0)
    model = build_model(detector_config(), 'test')
    model.task.bbox_head.retina_cls.bias.data[:] = torch.tensor([0.0] + [-10.0] * 4)
    return model.eval()


@pytest.fixture
def segmentor(segmentor_config: Callable) -> nn.Module:
    """A segmentor of two classes on the average of a pair."""
    torch.manual_seed(0)
    return build_model(segmentor_config(2), 'test').eval()


def changed(model: nn.Module, name: str, shift: float) -> dict[str, torch.Tensor]:
    """Return the weights of a model with ``shift`` added to the first number of one of them."""
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    weights[name].view(-1)[0] += shift
    return weights


def test_what_float16_cannot_hold_stays() -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm2d(3))

    model = network()
    nn.init.constant_(model[0].weight, 70000.0)  # beyond 65504
    nn.init.constant_(model[0].bias, 3e-7)  # a few steps of the smallest number of float16
    model[1].weight.data[0, 0] = 1e-9  # becomes 0, which beside the others is nothing
    nn.init.constant_(model[2].running_var, 0.1)
    weights = half_weights(model)
    assert list(weights) == list(model.state_dict())
    half = {name for name, value in weights.items() if value.dtype == torch.float16}
    assert half == {'1.weight', '1.bias', '2.weight', '2.bias'}
    other = network()
    other.load_state_dict(weights)
    assert {value.dtype for value in other.parameters()} == {torch.float32}
    for name in ('0.weight', '0.bias', '2.running_var'):
        assert torch.equal(other.state_dict()[name], model.state_dict()[name])
    torch.testing.assert_close(other[1].weight, model[1].weight, rtol=2**-11, atol=2**-25)


def test_the_largest_change_of_an_image_is_named() -> None:
    torch.manual_seed(0)
    model = TIMFusion(genotype='tim-light', channels=4).eval()
    inputs = list(builtin_inputs(model, length=2, size=(48, 64)))
    same = weights_effect(model, model.state_dict(), inputs)
    assert same.level == 0 and same.excess == '' and str(same) == 'images change by at most 0/255'
    weights = {name: value * 1.1 if value.is_floating_point() else value for name, value in model.state_dict().items()}
    effect = weights_effect(model, weights, inputs)
    before = [FusionInferencer(model)(*pair)['image'].astype(int) for pair in inputs]
    model.load_state_dict(weights)
    after = [FusionInferencer(model)(*pair)['image'] for pair in inputs]
    levels = max(np.abs(a - b).max() for a, b in zip(before, after))
    assert effect.level == levels > 1
    assert effect.excess == f'an image changes by {levels}/255 (at most 1/255)'


@pytest.mark.parametrize('name, shift, problem', [
    ('retina_cls.bias', 0.1, r'a score changes by 0\.0\d+ \(at most 0\.01\)$'),
    ('retina_reg.bias', 0.3, r'\d+ of \d+ detections have no counterpart of their class within 1 pixel')])
def test_changes_of_detections_are_named(detector: nn.Module, name: str, shift: float, problem: str) -> None:
    inputs = list(builtin_inputs(detector, length=1, size=(64, 96)))
    same = weights_effect(detector, detector.state_dict(), inputs)
    assert same.excess == '' and same.detections > 0 and same.lost == same.box == same.score == 0
    effect = weights_effect(detector, changed(detector, f'task.bbox_head.{name}', shift), inputs)
    assert effect.level == 0 and re.match(problem, effect.excess)


def test_changes_of_masks_are_named(segmentor: nn.Module) -> None:
    inputs = list(builtin_inputs(segmentor, length=1, size=(64, 96)))
    assert weights_effect(segmentor, segmentor.state_dict(), inputs).excess == ''
    logits = segmentor.task.decode_head.conv_seg
    nn.init.zeros_(logits.weight)  # so that the first class is everywhere where its bias is the larger one
    logits.bias.data[:] = torch.tensor([0.5, 0.0])
    effect = weights_effect(segmentor, changed(segmentor, 'task.decode_head.conv_seg.bias', -1.0), inputs)
    assert str(effect) == 'images change by at most 0/255, masks at 100.00% of their pixels'
    assert effect.excess == 'a mask has another class at 100.0% of its pixels (at most 1%)'


@pytest.mark.parametrize('model, shapes', [
    (dict(type='FixedFusion', rule='average'), [(48, 64, 3), (48, 64)]),
    (dict(type='RUASScene', genotype='ruas-scene'), [(48, 64, 3)]),
    (dict(type='GuidedSR', net=dict(type='GuidedFilterSR')), [(48, 64), (48, 64, 3)]),
    (dict(type='HyperGuidedRestoration', stages=1, stage=dict(
        type='GuidedStage', physics=dict(type='Deconvolution'), proxy=None,
        denoiser=dict(type='DilatedDenoiser', channels=4, dilations=(1, 1)))), [(48, 64, 3)]),
])
def test_scenes_fit_the_sensors(model: dict, shapes: list) -> None:
    model = build_model(model, 'test')
    images, = builtin_inputs(model, length=1, size=(48, 64))
    assert [image.shape for image in images] == shapes
    assert build_inferencer(model)(*images)['image'].shape == (48, 64, 3)
