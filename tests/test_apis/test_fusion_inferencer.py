"""Fusing and detecting in pairs from Python."""
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from torch import nn

from mmfusenas.apis import FusionInferencer, fusion_inferencer, input_pairs
from mmfusenas.apis.base_inferencer import mark_results
from mmfusenas.apis.exporting import export_onnx
from mmfusenas.apis.loading import build_model
from mmfusenas.apis.video import run_video
from mmfusenas.datasets.images import ImageError
from mmfusenas.datasets.pairing import Pair
from mmfusenas.datasets.sensor_fault import FrozenWatch
from mmfusenas.models.scene import FixedFusion, TIMFusion
from mmfusenas.utils.checkpoint import save_checkpoint
from mmfusenas.utils.checkpoint_content import configs

RESIZED = [
    dict(type='LoadPairFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[dict(type='mmdet.Resize', scale=(40, 40), keep_ratio=True)]),
    dict(type='PackPairDetInputs')]  # fmt: skip


@pytest.fixture(scope='module')
def light() -> nn.Module:
    torch.manual_seed(0)
    return TIMFusion(genotype='tim-light', channels=4)


@pytest.fixture
def segmentor(segmentor_config: Callable) -> nn.Module:
    """A segmentor of three classes on the average of a pair."""
    torch.manual_seed(0)
    model = build_model(segmentor_config(3), 'test')
    model.dataset_meta = dict(classes=('a', 'b', 'c'), palette=[(255, 0, 0), (0, 255, 0), (0, 0, 255)])
    return model


@pytest.fixture
def detector(detector_config: Callable) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(detector_config(), 'test')
    model.dataset_meta = dict(classes=('cone', 'stop', 'car', 'person', 'bike'), palette=[(0, 255, 0)] * 5)
    return model


def test_average_of_colour_and_grey_is_exact(image: Callable) -> None:
    visible, infrared = image(61, 83, 3), image(61, 83, seed=1)
    out = FusionInferencer(FixedFusion('average'))(visible, infrared)
    luma = visible.astype(float) @ [0.114, 0.587, 0.299]
    expected = (visible + ((infrared - luma) / 2)[..., None]).clip(0, 255)
    assert out['image'].dtype == np.uint8 and np.abs(out['image'] - expected).max() <= 0.5001
    assert [out[key] for key in ('boxes', 'scores', 'labels', 'mask')] == [None] * 4


@pytest.mark.parametrize('form', [
    lambda x: Image.fromarray(x if x.ndim == 2 else x[..., ::-1]),  # RGB
    lambda x: torch.from_numpy(np.atleast_3d(x).transpose(2, 0, 1).copy())])
def test_images_of_pillow_and_tensors_count_as_arrays(form: Callable, image: Callable) -> None:
    visible, infrared = image(21, 33, 3), image(21, 33, seed=1)
    infer = FusionInferencer(FixedFusion('average'))
    np.testing.assert_array_equal(infer(form(visible), form(infrared))['image'], infer(visible, infrared)['image'])


def test_lists_give_a_list(image: Callable) -> None:
    visible, infrared = ([image(21, 33, *colours, seed=seed) for seed in (3, 4)] for colours in ((3, ), ()))
    infer = FusionInferencer(FixedFusion('average'))
    results = infer(visible, infrared)
    for result, pair in zip(results, zip(visible, infrared, strict=True), strict=True):
        np.testing.assert_array_equal(result['image'], infer(*pair)['image'])
    with pytest.raises(ValueError, match='got 2 as visible, 1 as infrared'):
        infer(visible, infrared[:1])


def test_a_result_shows_what_was_found(detector: nn.Module, image: Callable, tmp_path: Path) -> None:
    result = FusionInferencer(detector, score_thr=0.0)(image(96, 480, 3), image(96, 480, seed=1))
    assert len(result['boxes']) and result.class_names == [
        detector.dataset_meta['classes'][label] for label in result['labels']]
    result.save(tmp_path / 'new/found.png')
    drawn = cv2.imread(str(tmp_path / 'new/found.png'))
    np.testing.assert_array_equal(drawn, result.plot())
    changed = (drawn != result['image']).any(2)
    x1, y1 = result['boxes'][0][:2].round().astype(int).clip(0)
    assert changed[y1 - 2:y1 + 3, x1:x1 + 10].any()  # the side of a box
    plain = FusionInferencer(FixedFusion('average'))(image(96, 480, 3), image(96, 480, seed=1))
    assert plain.class_names is None and np.array_equal(plain.plot(), plain['image'])


def test_files_of_odd_size_give_what_the_arrays_give(light: nn.Module, image: Callable, tmp_path: Path) -> None:
    visible, infrared = image(61, 83, 3), image(61, 83, seed=1)
    cv2.imwrite(str(tmp_path / 'vi.png'), visible)
    cv2.imwrite(str(tmp_path / 'ir.png'), infrared)
    infer = FusionInferencer(light)
    from_files = infer(tmp_path / 'vi.png', str(tmp_path / 'ir.png'))['image']
    assert from_files.shape == (61, 83, 3)
    np.testing.assert_array_equal(from_files, infer(visible, infrared)['image'])


def test_one_file_of_four_channels_is_a_pair(light: nn.Module, image: Callable, tmp_path: Path) -> None:
    visible, infrared = image(31, 45, 3), image(31, 45, seed=1)
    cv2.imwrite(str(tmp_path / 'both.png'), np.dstack([visible, infrared]))
    infer = FusionInferencer(light)
    both = infer(tmp_path / 'both.png', tmp_path / 'both.png')['image']
    np.testing.assert_array_equal(both, infer(visible, infrared)['image'])


def test_colour_stays_and_grey_stays_grey(light: nn.Module, image: Callable) -> None:
    grey, infrared = image(31, 45), image(31, 45, seed=1)
    infer = FusionInferencer(light)
    fused = infer(grey, infrared)['image']
    assert fused.shape == (31, 45, 3) and (fused == fused[..., :1]).all()
    coloured = infer(image(31, 45, 3), infrared)['image']
    assert not (coloured == coloured[..., :1]).all()


def test_16_bit_is_the_same_image(light: nn.Module, image: Callable) -> None:
    visible, infrared = image(31, 45, 3), image(31, 45, seed=1)
    infer = FusionInferencer(light)
    expected = infer(visible, infrared)['image']
    np.testing.assert_array_equal(infer(visible, infrared.astype(np.uint16) * 257)['image'], expected)
    np.testing.assert_array_equal(infer(visible.astype(np.uint16) * 257, infrared)['image'], expected)


def test_sizes_that_differ_and_nan_are_refused(light: nn.Module, image: Callable) -> None:
    infer = FusionInferencer(light)
    with pytest.raises(ValueError, match='visible array is 45 x 31, the infrared array is 45 x 30'):
        infer(image(31, 45, 3), image(30, 45))
    broken = image(31, 45).astype(np.float32)
    broken[3, 4] = np.nan
    with pytest.raises(ValueError, match='NaN.*infrared array'):
        infer(image(31, 45, 3), broken)


def test_test_pipeline_may_ask_to_resize(image: Callable) -> None:
    model = FixedFusion('maximum')
    model.test_pipeline = [dict(type='LoadPairFromFile', resize='visible'), dict(type='PackPairInputs')]
    assert FusionInferencer(model)(image(31, 45, 3), image(20, 30))['image'].shape == (31, 45, 3)


def test_detector_sees_the_resized_pair_and_answers_in_the_pixels_of_the_input(
        detector: nn.Module, image: Callable) -> None:
    visible, infrared = image(61, 83, 3), image(61, 83, seed=1)
    whole = FusionInferencer(detector, score_thr=0.0)(visible, infrared)
    detector.test_pipeline = RESIZED
    seen = []
    detector.task.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    out = FusionInferencer(detector, score_thr=0.0)(visible, infrared)
    assert seen == [(1, 3, 32, 64)]  # 29 x 40, padded to whole strides by the detector's own preprocessor
    np.testing.assert_array_equal(out['image'], whole['image'])  # fused at the size of the input, not resized
    assert out['boxes'].shape == (6, 4) and out['scores'].shape == out['labels'].shape == (6,)
    assert 40 < out['boxes'][:, [0, 2]].max() <= 83 and 32 < out['boxes'][:, [1, 3]].max() <= 61
    threshold = float(np.sort(out['scores'])[3])
    assert len(FusionInferencer(detector, score_thr=threshold)(visible, infrared)['scores']) == 3


def test_a_checkpoint_alone_resizes_as_its_test_data_did(
        detector: nn.Module, detector_config: Callable, image: Callable, tmp_path: Path) -> None:
    """Resize takes no list for a scale, and JSON has no tuples."""
    cfg = Config(dict(model=detector_config(), test_dataloader=dict(dataset=dict(pipeline=RESIZED))))
    meta = configs(SimpleNamespace(cfg=cfg, default_scope=None))
    save_checkpoint(dict(meta=meta, state_dict=detector.state_dict()), tmp_path / 'a.pth')
    detector.test_pipeline = RESIZED
    pair = image(61, 83, 3), image(61, 83, seed=1)
    alone, expected = (FusionInferencer(model, score_thr=0.0)(*pair) for model in (tmp_path / 'a.pth', detector))
    np.testing.assert_allclose(alone['boxes'], expected['boxes'])


def test_run_writes_images_drawings_and_predictions(detector: nn.Module, files: Callable, tmp_path: Path) -> None:
    pairs = input_pairs(files('vi', 'a_vi.png', 'b_vi.png'), files('ir', 'a_ir.png', 'b_ir.png'))
    infer = FusionInferencer(detector, score_thr=0.0)
    predictions = json.loads(infer.run(pairs, tmp_path / 'out').read_text())
    assert predictions['model'] == 'TaskGuidedDetector' and predictions['config'] is None
    assert [record['stem'] for record in predictions['images']] == ['a_vi', 'b_vi']
    record = predictions['images'][1]
    out = infer(pairs[1].visible, pairs[1].infrared)
    np.testing.assert_allclose(record['boxes'], out['boxes'])
    assert record['classes'] == [detector.dataset_meta['classes'][label] for label in record['labels']]
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'out' / record['image'])), out['image'])
    drawn = cv2.imread(str(tmp_path / 'out/drawn/b_vi.png'))
    assert drawn.shape == (24 * 15, 32 * 15, 3)
    assert ((drawn[..., 1] > 180) & (drawn[..., 0] < 90) & (drawn[..., 2] < 90)).any()  # a green box


def test_a_segmentor_gives_a_mask_of_the_size_of_the_input(
        segmentor: nn.Module, image: Callable, files: Callable, tmp_path: Path) -> None:
    infer = FusionInferencer(segmentor)
    out = infer(image(61, 83, 3), image(61, 83, seed=1))
    assert out['mask'].shape == (61, 83) and out['mask'].dtype == np.uint8 and out['mask'].max() < 3
    assert out['boxes'] is None
    pairs = input_pairs(files('vi', 'a.png'), files('ir', 'a.png'))
    infer.run(pairs, tmp_path / 'out')
    mask = cv2.imread(str(tmp_path / 'out/masks/a.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, infer(pairs[0].visible, pairs[0].infrared)['mask'])
    assert cv2.imread(str(tmp_path / 'out/drawn/a.png')).shape[1] >= 480


def test_run_without_a_detector_draws_nothing(files: Callable, tmp_path: Path) -> None:
    pairs = input_pairs(files('vi', 'a.png'), files('ir', 'a.png'))
    predictions = json.loads(FusionInferencer(FixedFusion('maximum')).run(pairs, tmp_path / 'out').read_text())
    nothing = dict(boxes=None, scores=None, labels=None, classes=None)
    old_name = dict(picture='images/a.png')
    assert predictions['images'] == [dict(stem='a', image='images/a.png', **old_name, **nothing)]
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['images', 'pictures', 'predictions.json']


def test_the_names_of_the_release_before_still_work(files: Callable, image: Callable, tmp_path: Path) -> None:
    infer = FusionInferencer(FixedFusion('maximum'))
    out = infer(image(12, 16), image(12, 16))
    with pytest.warns(FutureWarning, match='called image'):
        np.testing.assert_array_equal(out['picture'], out['image'])
    with pytest.raises(KeyError, match='pic'):
        out['pic']
    infer.run(input_pairs(files('vi', 'a.png'), files('ir', 'a.png')), tmp_path / 'out')
    assert (tmp_path / 'out/pictures/a.png').samefile(tmp_path / 'out/images/a.png')


def test_sizes_of_all_pairs_are_known_before_the_first_is_fused(
        files: Callable, image: Callable, tmp_path: Path) -> None:
    pairs = input_pairs(files('vi', 'a.png', 'b.png'), files('ir', 'a.png', 'b.png'))
    cv2.imwrite(str(tmp_path / 'ir/b.png'), image(12, 16))
    with pytest.raises(ValueError, match=r'1 of 2 pairs.*\n.*b\.png is 32 x 24, .*b\.png is 16 x 12'):
        FusionInferencer(FixedFusion('maximum')).run(pairs, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_an_unreadable_image_costs_no_other(files: Callable, tmp_path: Path) -> None:
    visible, infrared = files('vi', 'a.png', 'b.png', 'c.png'), files('ir', 'a.png', 'b.png', 'c.png')
    (visible / 'b.png').write_bytes((visible / 'b.png').read_bytes()[:60])
    with pytest.raises(ImageError, match='1 of 3 inputs could not be used.*b.png'):
        FusionInferencer(FixedFusion('maximum')).run(input_pairs(visible, infrared), tmp_path / 'out')
    predictions = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert [record['stem'] for record in predictions['images']] == ['a', 'c'] and list(predictions['failed']) == ['b']


@pytest.mark.parametrize('value, problem', [(np.nan, 'NaN'), (0.5, 'are float32 up to 0.5; give 8 bit')])
def test_values_that_no_image_has_cost_no_other(
        files: Callable, tmp_path: Path, value: float, problem: str) -> None:
    visible, infrared = files('vi', 'a.png', 'b.png'), files('ir', 'a.png', 'b.png')
    shape = cv2.imread(str(infrared / 'a.png')).shape[:2]
    (infrared / 'a.png').unlink()
    cv2.imwrite(str(infrared / 'a.tif'), np.full(shape, value, np.float32))
    with pytest.raises(ImageError, match=f'1 of 2 inputs could not be used.*{problem}'):
        FusionInferencer(FixedFusion('maximum')).run(input_pairs(visible, infrared), tmp_path / 'out')
    predictions = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert [record['stem'] for record in predictions['images']] == ['b'] and list(predictions['failed']) == ['a']


@pytest.mark.parametrize('visible, match', [
    (np.zeros((8, 9, 4), np.uint8), r'shape of the visible array is \(8, 9, 4\); an image is H x W or H x W x 3'),
    (np.full((8, 9, 3), 0.5), 'are float64 up to 0.5; give 8 bit'),
    (3, 'is a int: give a path, an array'),
    ([np.zeros((8, 9, 3), np.uint8)], 'got 1 as visible, one as infrared')])
def test_arrays_that_are_no_images_are_named(light: nn.Module, image: Callable, visible: Any, match: str) -> None:
    with pytest.raises((TypeError, ValueError), match=match):
        FusionInferencer(light)(visible, image(8, 9))


def test_what_no_run_wrote_is_not_overwritten(light: nn.Module, files: Callable, tmp_path: Path) -> None:
    pairs = input_pairs(files('vi', 'a.png'), files('ir', 'a.png'))
    for folder in ('out', 'killed'):
        (tmp_path / folder).mkdir()
    files('out/images', 'a.png')
    infer, before = FusionInferencer(light), (tmp_path / 'out/images/a.png').read_bytes()
    with pytest.raises(ValueError, match='a.png is there, and no earlier run wrote it'):
        infer.run(pairs, tmp_path / 'out')
    assert (tmp_path / 'out/images/a.png').read_bytes() == before
    mark_results(tmp_path / 'killed')  # as a run begins that is then killed: what it wrote it may write again
    files('killed/images', 'a.png')
    assert len(json.loads(infer.run(pairs, tmp_path / 'killed').read_text())['images']) == 1


def test_results_never_overwrite_their_input(files: Callable, tmp_path: Path) -> None:
    folder = files('images', 'a.png')
    pairs = input_pairs(folder / 'a.png', folder / 'a.png')
    with pytest.raises(ValueError, match='would overwrite its own input'):
        FusionInferencer(FixedFusion('maximum')).run(pairs, tmp_path)


@pytest.mark.parametrize('score', [-0.1, 1.5])
def test_a_threshold_that_is_no_score_is_named(light: nn.Module, score: float) -> None:
    with pytest.raises(ValueError, match=f'score_thr={score}; scores lie between 0 and 1'):
        FusionInferencer(light, score_thr=score)


def test_images_too_small_to_reflect_are_named(light: nn.Module, image: Callable) -> None:
    infer = FusionInferencer(light)
    assert infer(image(3, 5, 3), image(3, 5))['image'].shape == (3, 5, 3)
    with pytest.raises(ValueError, match='visible array is 5 x 2.*3 x 3'):
        infer(image(2, 5, 3), image(2, 5))


def test_sizes_are_matched_where_asked_for(light: nn.Module, image: Callable) -> None:
    visible, infrared = image(31, 45, 3), image(62, 90)
    expected = FusionInferencer(light)(visible, cv2.resize(infrared, (45, 31), interpolation=cv2.INTER_AREA))
    out = FusionInferencer(light, resize='visible')(visible, infrared)
    np.testing.assert_array_equal(out['image'], expected['image'])
    assert FusionInferencer(light, resize='infrared')(visible, infrared)['image'].shape == (62, 90, 3)
    with pytest.raises(ValueError, match='--resize visible'):
        FusionInferencer(light)(visible, infrared)


@pytest.mark.parametrize('sensor', ['visible', 'infrared'])
@pytest.mark.parametrize('gap', ['none', 'black', 'no file', 'no image'])
def test_a_missing_image_is_replaced_by_the_other(
        light: nn.Module, image: Callable, tmp_path: Path, sensor: str, gap: str) -> None:
    grey = image(31, 45)
    (tmp_path / 'torn.png').write_bytes(b'torn')
    missing = {'none': None, 'black': np.zeros((20, 30), np.uint8), 'no file': tmp_path / 'nothing.png',
               'no image': tmp_path / 'torn.png'}[gap]
    pair = (grey, missing) if sensor == 'infrared' else (missing, grey)
    out = FusionInferencer(light, missing='fallback')(*pair)
    assert out['replaced'] == sensor
    np.testing.assert_array_equal(out['image'], FusionInferencer(light)(grey, grey)['image'])
    if gap != 'black':
        with pytest.raises((TypeError, ImageError)):
            FusionInferencer(light)(*pair)


def test_an_image_of_no_use_is_replaced_by_the_other(light: nn.Module) -> None:
    day = np.linspace(0, 210, 64 * 96).reshape(64, 96).astype(np.uint8)
    dark = day // 12
    out = FusionInferencer(light, missing='fallback')(dark, day)
    assert out['replaced'] == 'visible'
    np.testing.assert_array_equal(out['image'], FusionInferencer(light)(day, day)['image'])
    for pair in ((dark, dark), (day, day[::-1])):
        assert 'replaced' not in FusionInferencer(light, missing='fallback')(*pair)
    assert 'replaced' not in FusionInferencer(light)(dark, day)


@pytest.mark.parametrize('sensor', ['visible', 'infrared'])
def test_a_frozen_sensor_is_replaced_until_it_moves_again(light: nn.Module, image: Callable, sensor: str) -> None:
    infer, other = FusionInferencer(light, missing='fallback'), 'infrared' if sensor == 'visible' else 'visible'
    infer._frozen = FrozenWatch(4)
    stands, moves = image(31, 45, seed=99), np.empty((31, 45), np.uint8)

    def replaced(seed: int) -> str | None:
        moves[:] = image(31, 45, seed=seed)  # into the buffer of the frame before, as cv2.VideoCapture.read(buffer)
        pair = {sensor: stands, other: moves}
        return infer(pair['visible'], pair['infrared']).get('replaced')

    assert [replaced(seed) for seed in range(7)] == [None] * 4 + [sensor] * 3
    assert 'replaced' not in infer(image(31, 45, seed=50), image(31, 45, seed=51))
    assert replaced(52) is None
    infer.reset()
    assert [replaced(seed) for seed in range(7)] == [None] * 7


def test_raw_counts_that_change_beyond_the_limits_are_no_frozen_sensor(image: Callable) -> None:
    infer = FusionInferencer(FixedFusion('average'), missing='fallback', thermal=dict(limits=(0, 100)))
    infer._frozen = FrozenWatch(2)
    rng = np.random.default_rng(0)
    warm = np.linspace(0, 90, 32 * 48).reshape(32, 48)
    for seed in range(6):
        raw = np.where(warm > 80, 1000 + rng.random((32, 48)), warm).astype(np.float32)
        assert 'replaced' not in infer(image(32, 48, seed=seed), raw)


def test_a_stand_in_has_the_range_of_the_sensor_that_it_replaces() -> None:
    """Infrared files of 14 bit in 16; where they are missing, or their camera does not see, visible ones of 8 stand."""
    preprocessor = dict(type='mmfusenas.PairDataPreprocessor', bit_depth=dict(infrared=14))
    model = FixedFusion('average', data_preprocessor=preprocessor)
    day = np.linspace(20, 230, 48 * 64).reshape(48, 64).astype(np.uint8)
    raw = np.rint(day / 255 * 16383).astype(np.uint16)
    for pair in ((day, None), (None, raw)):
        out = FusionInferencer(model, missing='fallback')(*pair)
        assert np.abs(out['image'][..., 0].astype(int) - day).max() <= 1
    shifted = FusionInferencer(model, homography=[[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])(day, raw)['image']
    assert np.abs(shifted[:, -8:, 0].astype(int) - day[:, -8:]).max() <= 1  # beyond the infrared image


@pytest.mark.parametrize('bits', [10, 12, 14])
def test_images_of_few_bits_are_judged_by_these(bits: int) -> None:
    preprocessor = dict(type='mmfusenas.PairDataPreprocessor', bit_depth=dict(infrared=bits))
    infer = FusionInferencer(FixedFusion('average', data_preprocessor=preprocessor), missing='fallback')
    day = np.linspace(20, 230, 48 * 64).reshape(48, 64)
    raw = np.rint(day / 255 * (2 ** bits - 1)).astype(np.uint16)
    assert 'replaced' not in infer(day.astype(np.uint8), raw)
    for bad in (raw // 12, np.where(day > 100, 2 ** bits - 1, raw).astype(np.uint16)):  # dark, saturated
        assert infer(day.astype(np.uint8), bad)['replaced'] == 'infrared'


@pytest.mark.parametrize(('high', 'thermal', 'warned'), [
    (140, None, True), (160, None, False), (140, dict(limits=(100, 140)), False)])
def test_an_infrared_image_that_is_nearly_flat_is_said_once(
        high: int, thermal: dict | None, warned: bool, image: Callable, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'ir.png'), np.linspace(100, high, 24 * 32).round().astype(np.uint8).reshape(24, 32))
    infer = FusionInferencer(FixedFusion('average'), thermal=thermal)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        for _ in range(2):
            infer(image(24, 32, 3), tmp_path / 'ir.png')
    flat = [str(each.message) for each in said if 'nearly flat' in str(each.message)]
    assert len(flat) == warned and all('ir.png holds 100 to 140, 15.7% of the range to 255' in each for each in flat)


def test_limits_of_another_unit_are_an_error(light: nn.Module, image: Callable) -> None:
    kelvin = np.linspace(285, 300, 31 * 45).reshape(31, 45).astype(np.float32)
    celsius = FusionInferencer(light, thermal=dict(limits=(0, 40)))
    with pytest.raises(ImageError, match='holds 285 to 300, and ThermalScale.* makes one value of it'):
        celsius(image(31, 45, 3), kelvin)


def test_nothing_is_replaced_where_both_are_there_and_nothing_can_be_where_none_is(
        light: nn.Module, image: Callable) -> None:
    infer, pair = FusionInferencer(light, missing='fallback'), (image(31, 45, 3), image(31, 45, seed=1))
    out = infer(*pair)
    assert 'replaced' not in out
    np.testing.assert_array_equal(out['image'], FusionInferencer(light)(*pair)['image'])
    with pytest.raises(ImageError, match='Neither image.*visible array is of one value.*There is no infrared image'):
        infer(np.zeros((31, 45), np.uint8), None)
    with pytest.raises(ValueError, match="missing='other'.*'error' or 'fallback'"):
        FusionInferencer(light, missing='other')
    with pytest.raises(ValueError, match="missing='other'"):
        input_pairs('vi', 'ir', missing='other')


def test_a_sensor_that_is_left_alone_has_a_model_of_its_own(detector: nn.Module, detector_config: Callable,
                                                            image: Callable) -> None:
    torch.manual_seed(1)
    other = build_model(detector_config(type='FixedFusion', rule='visible'), 'test')
    other.dataset_meta = detector.dataset_meta
    infer = FusionInferencer(detector, missing='fallback', alone=dict(visible=other), score_thr=0.0)
    visible, infrared = image(61, 83, 3), image(61, 83, seed=1)
    both, left = FusionInferencer(detector, score_thr=0.0), FusionInferencer(other, score_thr=0.0)
    expected = (both(visible, infrared), left(visible, visible), both(infrared, infrared))
    found = infer([visible, visible, None], [infrared, np.zeros_like(infrared), infrared], batch_size=3)
    assert [each.get('replaced') for each in found] == [None, 'infrared', 'visible']
    for each, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(each['image'], wanted['image'])
        np.testing.assert_allclose(each['boxes'], wanted['boxes'], atol=1e-3)
    assert not np.allclose(expected[1]['boxes'], both(visible, visible)['boxes'])
    infer.score_thr = 1.0  # set later, it counts for all
    assert not len(infer(visible, None)['boxes'])


@pytest.mark.parametrize('video', [False, True])
def test_the_results_say_which_model_took_over(light: nn.Module, files: Callable, tmp_path: Path, video: bool) -> None:
    infer = FusionInferencer(light, missing='fallback', alone=dict(infrared=FixedFusion('infrared')))
    pair = files('vi', '0.png') / '0.png', files('ir', '0.png') / '0.png'
    if video:
        sources = [str(tmp_path / f'{name}.mp4') for name in infer.sensors]
        for source, image in zip(sources, pair, strict=True):
            writer = cv2.VideoWriter(source, cv2.VideoWriter_fourcc(*'mp4v'), 10, (32, 24))
            frame = cv2.imread(str(image))
            writer.write(frame if 'infrared' in source else np.zeros_like(frame))
            writer.release()
        found = json.loads(run_video(infer, sources, tmp_path / 'out').read_text())
        assert found['frames'][0]['replaced'] == 'visible'
    else:
        found = json.loads(infer.run([Pair('0', None, str(pair[1]))], tmp_path / 'out').read_text())
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'out/images/0.png'))[..., 0],
                                      cv2.imread(str(pair[1]), cv2.IMREAD_GRAYSCALE))
    assert found['alone'] == dict(infrared='FixedFusion')


def test_a_graph_of_one_sensor_takes_over_in_a_batch(light: nn.Module, image: Callable, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    export_onnx(light, tmp_path / 'light.onnx', (31, 45))
    infer = FusionInferencer(FixedFusion('average'), missing='fallback', alone=dict(visible=tmp_path / 'light.onnx'))
    visible = image(31, 45, 3)
    for each in infer([visible] * 2, [None] * 2, batch_size=2):
        assert np.abs(each['image'].astype(int) - FusionInferencer(light)(visible, visible)['image']).max() <= 1


def test_a_model_of_one_sensor_that_does_not_fit_is_named(detector: nn.Module, segmentor: nn.Module) -> None:
    for wrong in (dict(missing='error', alone=dict(visible=detector)), dict(alone=dict(thermal=detector)),
                  dict(alone='detector.pth'), dict(alone=dict(visible=None))):
        with pytest.raises(ValueError, match='alone is a model by sensor, such as dict'):
            FusionInferencer(detector, **(dict(missing='fallback') | wrong))
    deep = FixedFusion('infrared', data_preprocessor=dict(
        type='mmfusenas.PairDataPreprocessor', bit_depth=dict(infrared=14)))
    with pytest.raises(ValueError, match='takes infrared images of bit_depth=14 .* of bit_depth=None .*: train'):
        FusionInferencer(FixedFusion('average'), missing='fallback', alone=dict(infrared=deep))
    with pytest.raises(ValueError, match='The model of visible alone, .*, looks for maps of a, b, c, .* boxes of cone'):
        FusionInferencer(detector, missing='fallback', alone=dict(visible=segmentor))


def test_a_folder_with_gaps_is_run_to_its_end(light: nn.Module, files: Callable, tmp_path: Path) -> None:
    folders = files('vi', '0.png', '1.png'), files('ir', '1.png', '2.png')
    with pytest.raises(Exception, match='without a partner'):
        input_pairs(*folders)
    pairs = input_pairs(*folders, missing='fallback')
    assert [(pair.stem, pair.visible is None, pair.infrared is None) for pair in pairs] == [
        ('1', False, False), ('0', False, True), ('2', True, False)]
    found = json.loads(FusionInferencer(light, missing='fallback').run(pairs, tmp_path / 'out').read_text())
    assert [image.get('replaced') for image in found['images']] == [None, 'infrared', 'visible']
    alone = input_pairs(folders[0], tmp_path / 'no_such_folder', missing='fallback')
    assert [(pair.stem, pair.infrared) for pair in alone] == [('0', None), ('1', None)]
    with pytest.raises(Exception, match='no images'):
        input_pairs(tmp_path / 'neither', tmp_path / 'nor', missing='fallback')


def test_detections_in_tiles_are_of_the_whole_image(detector: nn.Module, image: Callable) -> None:
    detector.scene = FixedFusion('average')
    pair = image(300, 280, 3), image(300, 280, seed=1)
    whole = FusionInferencer(detector, score_thr=0.0)(*pair)
    parts = FusionInferencer(detector, score_thr=0.0, tile=256)(*pair)
    assert np.abs(parts['image'].astype(int) - whole['image']).max() <= 1
    np.testing.assert_allclose(parts['boxes'], whole['boxes'], atol=1e-2)
    assert detector.scene.tile is None  # the model that was given stays as it is


def test_a_segmentor_sees_tiles(segmentor: nn.Module, image: Callable) -> None:
    """In the first tile, where no other overlaps, the classes are those of the tile as an image of its own."""
    pair = image(300, 480, 3), image(300, 480, seed=1)
    for sensor in pair:
        sensor[:, 64:] = 255
    head = segmentor.task.decode_head.conv_seg
    torch.nn.init.normal_(head.weight)
    torch.nn.init.zeros_(head.bias)
    infer = FusionInferencer(segmentor, tile=256)
    seen, features = [], infer.model.task.extract_feat
    infer.model.task.extract_feat = lambda inputs: seen.append(tuple(inputs.shape[2:])) or features(inputs)
    mask = infer(*pair)['mask']
    assert mask.shape == (300, 480) and seen == [(256, 256)] * 6
    corner = FusionInferencer(segmentor)(*(x[:256, :256] for x in pair))['mask']
    assert len(np.unique(corner[:44, :128])) > 1
    np.testing.assert_array_equal(mask[:44, :128], corner[:44, :128])
    assert segmentor.task.test_cfg.mode == 'whole'  # the model that was given stays as it is


@pytest.mark.parametrize('guided', [False, True])
def test_mixed_precision_is_near(light: nn.Module, detector: nn.Module, image: Callable, guided: bool) -> None:
    pair, seen = (image(61, 83, 3), image(61, 83, seed=1)), []
    model = detector if guided else light
    scene = model.scene if guided else model
    watched = next(module for module in (model.task.backbone if guided else scene).modules()
                   if isinstance(module, nn.Conv2d))
    watched.register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    full, half = FusionInferencer(model, score_thr=0.0)(*pair), FusionInferencer(model, score_thr=0.0, amp=True)(*pair)
    assert seen == [torch.float32, torch.bfloat16]
    difference = np.abs(full['image'].astype(int) - half['image'])
    assert difference.max() <= 8 and difference.mean() < 1
    if guided:
        assert (half['scores'] != full['scores']).any()
        np.testing.assert_allclose(np.sort(half['scores']), np.sort(full['scores']), atol=0.02)


def test_temperatures_become_the_image_that_they_were_in_training(
        detector: nn.Module, detector_config: Callable, image: Callable, tmp_path: Path) -> None:
    """By the test data of a checkpoint, by an argument, and with hot as dark in the files."""
    visible, infrared = image(61, 83, 3), image(61, 83, seed=1)
    kelvin = (280 + infrared * (40 / 255)).astype(np.float32)
    expected = FusionInferencer(detector, score_thr=0.0)(visible, infrared)['image']
    for black_hot, values in ((False, kelvin), (True, 600 - kelvin)):
        thermal = dict(limits=(280.0, 320.0), black_hot=black_hot)
        pipeline = [dict(type='LoadPairFromFile', thermal=thermal), *RESIZED[1:]]
        cfg = Config(dict(model=detector_config(), test_dataloader=dict(dataset=dict(pipeline=pipeline))))
        meta = configs(SimpleNamespace(cfg=cfg, default_scope=None))
        save_checkpoint(dict(meta=meta, state_dict=detector.state_dict()), tmp_path / 'a.pth')
        for infer in (FusionInferencer(tmp_path / 'a.pth'), FusionInferencer(detector, thermal=thermal)):
            assert np.abs(infer(visible, values)['image'].astype(int) - expected).max() <= 1
    with pytest.raises(ValueError, match='--thermal-range LOW HIGH'):
        FusionInferencer(detector)(visible, kelvin)
    alone = FusionInferencer(detector, thermal=dict(limits=(280, 320)), missing='fallback')(None, kelvin)['image']
    assert np.abs(alone.astype(int) - FusionInferencer(detector)(infrared, infrared)['image']).max() <= 1


def test_freed_memory_goes_back_after_images_of_many_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[torch.device] = []
    monkeypatch.setattr('mmfusenas.apis.base_inferencer.memory.empty_cache', calls.append)
    infer = FusionInferencer(FixedFusion(rule='average'))

    def run(sizes: list[int]) -> int:
        for size in sizes:
            infer(np.zeros((size, 8, 3), np.uint8), np.zeros((size, 8), np.uint8))
        return len(calls)

    assert run([8] * 30) == 0  # a video
    assert run([9, 10]) == 0 and run([11]) == 1  # the fourth size
    assert run([8, 9] * 20) == 1 and run([10, 11]) == 2


@pytest.mark.parametrize('has', [True, False, None])
def test_mixed_precision_without_instructions_for_it_is_said(
        has: bool | None, light: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion_inferencer, 'computes_in_bfloat16', lambda: has)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        FusionInferencer(light, amp=True)
    assert any('no instructions for bfloat16' in str(each.message) for each in caught) == (has is False)
