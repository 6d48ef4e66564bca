"""Guided super-resolution from Python."""
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from mmfusenas.apis import FusionInferencer, GuidedSRInferencer
from mmfusenas.apis.loading import build_model, input_options
from mmfusenas.datasets.images import ImageError
from mmfusenas.datasets.transforms import DegradeTarget
from mmfusenas.datasets.transforms.degrade_target import resize_bicubic

MODEL = dict(type='GuidedSR', net=dict(type='GuidedSRNet', genotype='dcnas-tiny-16x', channels=8))


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = build_model(MODEL, 'test').eval()
    torch.nn.init.normal_(model.net.tail[1].weight, std=0.01)
    return model


def depth(height=12, width=16):
    noise = np.random.default_rng(0).uniform(500, 3000, (height, width)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 1)


def test_a_result_is_what_the_model_makes_of_a_test_sample(model, image: Callable) -> None:
    low, guide = depth(), image(48, 64, 3)
    out = GuidedSRInferencer(model)(low, guide)
    up = resize_bicubic(low, (48, 64))
    start, end = float(low.min()), float(low.max())
    with torch.no_grad():
        inputs = dict(guide=torch.from_numpy(guide).permute(2, 0, 1)[None] / 255,
                      target=torch.from_numpy((up - start) / (end - start))[None, None])
        expected = model.images(inputs)['restored'][0, 0].numpy() * (end - start) + start
    np.testing.assert_allclose(out['restored'], expected, rtol=1e-4)
    assert np.abs(out['restored'] - up).max() > 1  # the network does something
    shown = ((expected - start) / (end - start)).clip(0, 1) * 255
    assert out['image'].shape == (48, 64, 3) and np.abs(out['image'] - shown[..., None]).max() < 0.51
    assert out['boxes'] is None


def test_the_scaling_is_that_of_the_test_data(model, image: Callable) -> None:
    model.test_pipeline = [dict(type='mmfusenas.DegradeTarget', scale=4, value_range=(0, 255))]
    infer = GuidedSRInferencer(model)
    assert isinstance(infer.scaling, DegradeTarget) and infer.scaling.value_range == (0, 255)
    thermal = image(12, 16)
    out = infer(thermal, image(48, 64, 3))
    assert np.abs(out['restored'].clip(0, 255) - out['image'][..., 0]).max() < 0.51


def test_inputs_that_do_not_fit_are_refused(model, image: Callable) -> None:
    infer = GuidedSRInferencer(model)
    with pytest.raises(ImageError, match='Are the two exchanged'):
        infer(image(48, 64, 3), image(12, 16))
    with pytest.raises(ImageError, match='or is one turned'):
        infer(depth().T, image(48, 64, 3))
    with pytest.raises(ImageError, match='holds NaN'):
        infer(np.full((4, 4), np.nan, np.float32), image(8, 8, 3))
    with pytest.raises(ImageError, match='H x W is wanted'):
        infer(np.zeros((12, 16, 4)), image(48, 64, 3))
    with pytest.raises(ValueError, match='an image is H x W'):
        infer(depth(), np.zeros((48, 64, 4), np.uint8))
    for guide in (image(48, 64, 3) / 255, image(48, 64, 3).astype(np.int32)):
        with pytest.raises(ValueError, match='of the guide array are .*give 8 bit'):
            infer(depth(), guide)
    with pytest.raises(ValueError, match='NaN.*guide array'):
        infer(depth(), np.full((48, 64, 3), np.nan, np.float32))
    assert infer(np.repeat(depth()[..., None].astype(float), 3, 2), image(48, 64, 3))['restored'].shape == (48, 64)
    with pytest.raises(ValueError, match='FusionInferencer.*visible and infrared'):
        FusionInferencer(model)
    assert input_options(model) == '--target FOLDER --guide FOLDER'


def test_whole_numbers_come_out_as_16_bit(model, image: Callable) -> None:
    infer, guide = GuidedSRInferencer(model), image(48, 64, 3)
    out = infer(depth().astype(np.uint16), guide)
    assert out['restored_16'].dtype == np.uint16
    np.testing.assert_array_equal(out['restored_16'], out['restored'].round())
    assert 'restored_16' not in infer(depth(), guide)  # metres, say, would lose all below one
    wide = np.array([[0, 65535], [65535, 0]], np.uint16)  # interpolation overshoots
    assert infer(wide, image(16, 16, 3))['restored'].min() < 0
    assert infer(wide, image(16, 16, 3))['restored_16'].min() == 0


def test_the_scale_of_the_training_is_checked(image: Callable) -> None:
    infer = GuidedSRInferencer(build_model(dict(MODEL, scales=(4, 8)), 'test').eval())
    for sides in ((48, 64), (96, 128), (50, 67), (12, 16)):  # by 4, by 8, by 4 and a rest, enlarged already
        assert infer(depth(), image(*sides, 3))['restored'].shape == sides
    for sides in ((24, 32), (144, 192), (60, 80)):
        with pytest.raises(ValueError, match=f'is {sides[1]} x {sides[0]}, .* times larger.*16 x 12.*for 4 or 8 times'):
            infer(depth(), image(*sides, 3))
