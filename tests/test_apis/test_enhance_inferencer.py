"""Enhancing images of one sensor from Python and by the tool."""
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmfusenas.apis import EnhanceInferencer, FusionInferencer, input_images
from mmfusenas.apis.loading import build_model, input_options
from mmfusenas.datasets.images import ImageError
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.models.scene import FixedFusion
from mmfusenas.registry import MODELS

RUAS = dict(type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'), denoise='always',
            task=dict(type='NoiseRemoval', genotype='ruas-denoise'))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build_model(RUAS, 'test').eval()


def test_an_image_is_what_the_model_makes_of_it(model, image: Callable, tmp_path: Path) -> None:
    dark = image(61, 83, 3) // 4
    cv2.imwrite(str(tmp_path / 'a.png'), dark)
    infer = EnhanceInferencer(model)
    out = infer(tmp_path / 'a.png')
    with torch.no_grad():
        y = torch.from_numpy(dark).permute(2, 0, 1)[None].float() / 255
        expected = (model(dict(visible=y))[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
    # Decimals are cut off, as the authors do.
    assert out['image'].dtype == np.uint8 and (expected - out['image'] > -1e-3).all()
    assert (expected - out['image'] < 1 + 1e-3).all()
    assert np.array_equal(infer(dark)['image'], out['image'])
    assert [out[key] for key in ('boxes', 'scores', 'labels', 'mask')] == [None] * 4


def test_the_three_versions(model, image: Callable) -> None:
    dark = image(30, 40, 3) // 4
    images = {kind: EnhanceInferencer(model, denoise=kind)(dark)['image'] for kind in ('always', 'never')}
    model.denoise = 'never'
    assert np.array_equal(images['never'], EnhanceInferencer(model)(dark)['image'])
    assert not np.array_equal(images['never'], images['always'])
    with pytest.raises(ValueError, match="got denoise='adaptive'.*needs estimation"):
        EnhanceInferencer(model, denoise='adaptive')
    with pytest.raises(ValueError, match="RUASScene has no version denoise='never'"):
        EnhanceInferencer(build_model(RUAS['scene'], 'test'), denoise='never')


def test_the_strength(model, image: Callable) -> None:
    dark = image(30, 40, 3) // 4
    assert np.array_equal(EnhanceInferencer(model, denoise='never', strength=0)(dark)['image'], dark)
    means = [EnhanceInferencer(model, strength=strength)(dark)['image'].mean() for strength in (0.3, 0.6, 1)]
    assert means == sorted(means) and len(set(means)) == 3
    for wrong, strength in ((model, 1.5), (FixedFusion('visible'), 0.5)):
        with pytest.raises(ValueError, match=f'got strength={strength}; a RUASScene takes 0 to 1'):
            EnhanceInferencer(wrong, strength=strength)


def test_a_detector_behind_the_scene_module(detector_config: Callable, image: Callable, tmp_path: Path) -> None:
    torch.manual_seed(0)
    detector = build_model(detector_config(type='RUASScene', genotype='ruas-scene-det', warm_start='feature'), 'test')
    cv2.imwrite(str(tmp_path / 'a.png'), image(64, 96, 3))
    infer = EnhanceInferencer(detector, score_thr=0.0)
    predictions = json.loads(infer.run(input_images(tmp_path / 'a.png'), tmp_path / 'out').read_text())
    assert len(predictions['images'][0]['boxes']) == 6 and (tmp_path / 'out/drawn/a.png').is_file()
    detector.stage = 'scene'  # what only trained the scene module detects nothing
    assert EnhanceInferencer(detector)(image(64, 96, 3))['boxes'] is None
    detector.stage = 'joint'
    with pytest.raises(ValueError, match="RUASScene has no version denoise='never'"):
        EnhanceInferencer(detector, denoise='never')
    detector.scene = build_model(RUAS, 'test')
    images = [EnhanceInferencer(detector, denoise=kind)(image(64, 96, 3) // 4)['image']
              for kind in ('always', 'never')]
    assert not np.array_equal(*images)


def test_models_of_other_sensors_are_named(model) -> None:
    with pytest.warns(UserWarning, match='RUASEnhancement.*visible.*EnhanceInferencer'):
        FusionInferencer(model)
    with pytest.raises(ValueError, match='FixedFusion.*visible and infrared.*FusionInferencer'):
        EnhanceInferencer(FixedFusion('average'))
    with pytest.raises(ValueError, match='QualityClassifier makes no image'):
        EnhanceInferencer(MODELS.build(dict(type='QualityClassifier')))


def test_inputs_are_looked_at_first(model, image: Callable, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='nowhere'):
        input_images(tmp_path / 'nowhere')
    with pytest.raises(DatasetError, match='there is no image here'):
        input_images(tmp_path)
    cv2.imwrite(str(tmp_path / 'a.png'), image(8, 8, 3))
    cv2.imwrite(str(tmp_path / 'a.bmp'), image(8, 8, 3))
    with pytest.raises(DatasetError, match='its result would overwrite that of'):
        input_images(tmp_path)
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/a.png'), image(8, 8, 3))
    with pytest.raises(ValueError, match='would overwrite its own input'):
        EnhanceInferencer(model).run(input_images(tmp_path / 'images'), tmp_path)
    with pytest.raises(ValueError, match='is 2 x 8: an image needs at least 3 x 3'):
        EnhanceInferencer(model)(image(8, 2, 3))


# Restoration

def restoration():
    torch.manual_seed(0)
    return MODELS.build(dict(type='Restoration', net=dict(type='HadamardNet', genotype='hadamard-lol')))


def guided(**stage):
    torch.manual_seed(0)
    return MODELS.build(dict(type='HyperGuidedRestoration', stages=2, stage=dict(dict(
        type='GuidedStage', physics=dict(type='Deconvolution'), proxy=dict(type='GuidanceProxy', channels=4),
        denoiser=dict(type='DilatedDenoiser', channels=4, dilations=(1, 2, 1))), **stage)))


def test_a_restoration_is_what_the_model_makes_of_it():
    model = restoration().eval()
    image = np.random.default_rng(0).integers(0, 256, (33, 46, 3), np.uint8)
    found = EnhanceInferencer(model)(image)['image']
    with torch.no_grad():
        expected = model(dict(visible=torch.from_numpy(image).permute(2, 0, 1)[None] / 255))
    expected = (expected[0].permute(1, 2, 0) * 255).round().clamp(0, 255).numpy()
    assert found.shape == image.shape and np.abs(found - expected).max() <= 1


@pytest.mark.parametrize('kernel', [None, 'array', 'file'])
def test_deblurring_takes_a_kernel(tmp_path, kernel):
    model = guided().eval()
    image = np.random.default_rng(0).integers(0, 256, (33, 46, 3), np.uint8)
    blur = np.random.default_rng(1).random((5, 5)).astype(np.float32)
    np.save(tmp_path / 'k.npy', blur)
    found = EnhanceInferencer(model, kernel=dict(array=blur, file=tmp_path / 'k.npy').get(kernel))(image)
    inputs = dict(visible=torch.from_numpy(image).permute(2, 0, 1)[None] / 255)
    if kernel:
        inputs['kernel'] = torch.from_numpy(blur / blur.sum())[None, None]
    with torch.no_grad():
        made = model.images(inputs)
    expected = (made['image'][0].permute(1, 2, 0) * 255).round().clamp(0, 255).numpy()
    assert np.abs(found['image'] - expected).max() <= 1
    np.testing.assert_allclose(found['guidance'], made['guidance'][0, -3:].mean(0), atol=1e-4)


def test_a_folder_has_a_kernel_of_each_image_and_the_maps_are_kept(tmp_path):
    generator = np.random.default_rng(0)
    (tmp_path / 'in').mkdir()
    for stem, side in (('a', 3), ('b', 5)):
        cv2.imwrite(str(tmp_path / f'in/{stem}.png'), generator.integers(0, 256, (20, 24, 3), np.uint8))
        np.save(tmp_path / f'{stem}.npy', generator.random((side, side)).astype(np.float32))
    infer = EnhanceInferencer(guided(), kernel=tmp_path)
    infer.run(input_images(tmp_path / 'in'), tmp_path / 'out')
    for stem in 'ab':
        one = EnhanceInferencer(guided(), kernel=tmp_path / f'{stem}.npy')(str(tmp_path / f'in/{stem}.png'))
        assert np.array_equal(cv2.imread(str(tmp_path / f'out/images/{stem}.png')), one['image'])
        np.testing.assert_array_equal(np.load(tmp_path / f'out/guidance/{stem}.npy'), one['guidance'])
    (tmp_path / 'b.npy').unlink()
    with pytest.raises(ImageError, match=r'no kernel of .*b.png: neither .*b.npy nor b.png'):
        infer(str(tmp_path / 'in/b.png'))


def test_a_kernel_is_for_models_that_deblur():
    assert input_options(guided()) == '--input FOLDER --kernel FILE'
    assert input_options(restoration()) == '--input FOLDER'
    with pytest.raises(ValueError, match='Restoration does not deblur: it takes no kernel'):
        EnhanceInferencer(restoration(), kernel=np.ones((3, 3)))
    with pytest.raises(ValueError, match='does not deblur'):
        EnhanceInferencer(guided(physics=dict(type='AdditiveLayer')), kernel=np.ones((3, 3)))
    with pytest.raises(ImageError, match='odd K'):
        EnhanceInferencer(guided(), kernel=np.ones((4, 4)))
