"""The shift of a pair: known ones are found, of drawn and of real pairs, and none where nothing tells."""
import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusenas.apis import FusionInferencer, input_pairs, run_video
from mmfusenas.datasets.images import in_form_of, read_infrared, read_visible, to_colour, to_grey, write_image
from mmfusenas.datasets.offset import PairAligner, pair_offset
from mmfusenas.datasets.transforms import AlignPair, SensorFailure
from mmfusenas.registry import MODELS
from mmfusenas.scenes import SyntheticScenes

SIZE = (240, 320)


@pytest.fixture(scope='module')
def scenes() -> list[tuple[np.ndarray, np.ndarray]]:
    """Drawn pairs, larger than what is cut out of them."""
    data = SyntheticScenes(length=8, size=(320, 400), seed=4)
    infos = [data.get_data_info(index) for index in range(8)]
    return [(info['img'], info['infrared']) for info in infos if info['condition'] in ('day', 'night')]


def cut(pair: tuple[np.ndarray, np.ndarray], x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """A view of the pair, of the infrared camera from ``x`` to the right and ``y`` down."""
    (height, width), visible, infrared = SIZE, *pair
    return visible[40:40 + height, 40:40 + width], infrared[40 + y:40 + y + height, 40 + x:40 + x + width]


@pytest.mark.parametrize('shift', [(0, 0), (24, 0), (-13, 9), (3, -30)])
def test_a_known_shift_is_found(scenes: list, shift: tuple[int, int]) -> None:
    found = [pair_offset(*cut(pair, *shift)) for pair in scenes]
    sure = np.array([offset for offset in found if offset is not None]) * SIZE[1]
    assert len(sure) >= 0.7 * len(found)
    assert np.linalg.norm(sure - shift, axis=1).max() < 3


def test_the_sensors_may_be_of_opposite_contrast_and_of_any_range(scenes: list) -> None:
    visible, infrared = cut(scenes[0], 12, 0)
    wanted = pair_offset(visible, infrared)
    assert wanted is not None and wanted[0] * SIZE[1] == pytest.approx(12, abs=2)
    for other in (255 - infrared, in_form_of(infrared, np.zeros((1, 1), np.uint16)), infrared * np.float32(0.1) + 3):
        np.testing.assert_allclose(pair_offset(visible, other), wanted, atol=2 / SIZE[1])


def test_nothing_stands_out_in_images_of_other_places_of_noise_or_of_one_value(scenes: list) -> None:
    rng = np.random.default_rng(0)
    cuts = [cut(pair, 0, 0) for pair in scenes]
    for number in range(1, len(cuts)):
        others = [pair_offset(visible, cuts[index - number][1]) for index, (visible, _) in enumerate(cuts)]
        assert sum(offset is not None for offset in others) <= 1  # drawn roads have their horizon in common
    visible, infrared = cuts[0]
    noise = [rng.integers(0, 256, SIZE, np.uint8) for _ in range(40)]
    assert not any(pair_offset(one, other) is not None for one, other in zip(noise[::2], noise[1::2], strict=True))
    assert pair_offset(visible, noise[0]) is None
    assert pair_offset(np.full_like(visible, 90), infrared) is None and pair_offset(visible[:6], infrared[:6]) is None
    with pytest.raises(ValueError, match=r'two images of one size, got \(240, 320\) and \(120, 320\)'):
        pair_offset(visible, infrared[:120])


def test_edges_of_one_direction_the_border_of_the_search_and_what_is_not_finite_are_not_believed(scenes: list) -> None:
    rng = np.random.default_rng(0)
    rows = [np.repeat(rng.integers(0, 256, (240, 1), np.uint8), 320, 1) for _ in range(2)]  # of one direction
    assert pair_offset(*rows) is None
    visible, infrared = cut(scenes[0], 0, 0)
    beyond = np.roll(to_grey(visible), (0, 70), (0, 1))[:, 70:]  # 70 of 250 pixels: more than a fifth
    assert pair_offset(to_grey(visible)[:, 70:], beyond) is None
    assert pair_offset(to_grey(visible)[:, 50:], np.roll(to_grey(visible), 54, 1)[:, 50:]) is None  # at the border
    broken = infrared.astype(np.float32)
    broken[3, 4] = np.nan
    assert pair_offset(visible, broken) is None


def test_a_shift_is_found_between_pixels_of_the_width_that_is_compared() -> None:
    wide = cv2.GaussianBlur(np.random.default_rng(0).random((480, 700), np.float32) * 255, (0, 0), 4)
    errors = [pair_offset(wide[:, 40:680], wide[:, 40 - shift:680 - shift])[0] * 640 + shift for shift in range(-7, 8)]
    assert np.abs(errors).max() < 0.3  # steps are of two pixels


def test_what_leaves_at_one_side_does_not_come_back_at_the_other() -> None:
    strip = np.zeros((120, 160), np.uint8)
    left, right = strip.copy(), strip.copy()
    texture = cv2.GaussianBlur(np.random.default_rng(0).random((80, 14), np.float32) * 255, (0, 0), 1).astype(np.uint8)
    left[20:100, 2:16], right[20:100, -16:-2] = texture, texture  # they would lie 4 pixels apart around the border
    assert pair_offset(left, right) is None


def test_real_pairs_are_in_register_and_known_shifts_of_them_are_found(shared: Path) -> None:
    found, wrong, number = 0, 0, 0
    for part in ('msrs/test', 'roadscene/test', 'tno/test'):
        for path in sorted((shared / 'data' / part / 'vi').iterdir()):
            infrared = read_infrared(str(next((shared / 'data' / part / 'ir').glob(f'{path.stem}.*'))))
            visible = to_grey(read_visible(str(path)))
            for share in (0, 0.05, 0.1):
                width = visible.shape[1]
                shift = round(share * width)
                moved = visible[:, (np.arange(width) - shift).clip(0)]
                offset = pair_offset(moved, infrared)
                number += 1
                found += offset is not None
                wrong += offset is not None and np.hypot(offset[0] - shift / width, offset[1]) > 0.02
    assert number == 279 and found > 0.93 * number and wrong == 0


@pytest.mark.parametrize('reference', ['visible', 'infrared'])
def test_one_image_is_shifted_onto_the_other(scenes: list, reference: str) -> None:
    visible, infrared = cut(scenes[0], 24, 0)
    sample = AlignPair(reference)(dict(img=visible.copy(), infrared=infrared.copy()))
    moved, stays = ('infrared', 'img') if reference == 'visible' else ('img', 'infrared')
    np.testing.assert_array_equal(sample[stays], dict(img=visible, infrared=infrared)[stays])
    back, shift = PairAligner(reference), np.array(0)
    *_, shift = back(visible, infrared)
    assert shift[0] == pytest.approx(24 if reference == 'visible' else -24, abs=2) and abs(shift[1]) <= 2
    x, y = shift
    inner = np.s_[40:200, 60:260]
    shifted = np.roll(dict(img=visible, infrared=infrared)[moved], (y, x), (0, 1))
    np.testing.assert_array_equal(sample[moved][inner], shifted[inner])
    # What it does not see is the other sensor's.
    strip = np.s_[40:200, :20] if x > 0 else np.s_[40:200, -20:]
    other = in_form_of(sample[stays], sample[moved])
    np.testing.assert_array_equal(sample[moved][strip], other[strip])


def test_pairs_in_register_stay_as_they_are(scenes: list) -> None:
    for pair in scenes:
        visible, infrared = cut(pair, 1, 0)  # less than 1 % of the width
        sample = AlignPair()(dict(img=visible, infrared=infrared))
        assert sample['img'] is visible and sample['infrared'] is infrared


def test_an_aligner_keeps_to_its_shift(scenes: list) -> None:
    align, (visible, infrared) = PairAligner(), cut(scenes[0], 24, 0)
    *_, first = align(visible, infrared)
    *_, near = align(*cut(scenes[0], 26, 0))  # nearer than 1 %: an image of a video stands still
    assert near == first
    *_, unsure = align(np.full_like(visible, 90), infrared)
    assert unsure == first
    *_, other = align(*cut(scenes[0], 12, 0))
    assert other[0] == pytest.approx(12, abs=2)
    *_, none = align(*cut(scenes[0], 0, 0))
    assert none == (0, 0)
    assert align(visible, infrared)[2] == first
    *_, smaller = align(*(image[:200, :300] for image in (np.full_like(visible, 90), infrared)))
    assert smaller == (0, 0)  # another size is another sequence
    small = cv2.resize(visible, (64, 48)), cv2.resize(infrared, (64, 48))
    once = np.roll(small[1], 1, 1)
    assert PairAligner()(small[0], once)[2] in ((0, 0), (5, 0))  # 24 of 320 are 5 of 64; one pixel is no shift
    sample = dict(img=visible, infrared=infrared)
    transform = AlignPair()
    transform(dict(sample))
    again = transform(dict(img=np.full_like(visible, 90), infrared=infrared))
    assert again['infrared'] is infrared  # each sample by itself


def test_an_inferencer_shifts_and_says_so(scenes: list) -> None:
    model = dict(type='FixedFusion', rule='infrared')
    visible, infrared = cut(scenes[0], 24, 0)
    plain, aligned = (FusionInferencer(MODELS.build(model), align=align) for align in (None, 'visible'))
    result, moved = plain(visible, infrared), aligned(visible, infrared)
    assert 'shift' not in result and moved['shift'][0] == pytest.approx(24, abs=2)
    shown, inner = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(int) for image in
                    (moved['image'], result['image'])), np.s_[40:200, 60:260]
    found, before = (image[inner] for image in shown)
    wanted = cut(scenes[0], 0, 0)[1][inner].astype(int)
    assert np.abs(found - wanted).mean() < 0.5 * np.abs(before - wanted).mean()
    assert 'shift' not in aligned(*cut(scenes[0], 0, 0))
    with pytest.raises(ValueError, match="resize and align are None, 'visible' or 'infrared'"):
        FusionInferencer(MODELS.build(model), align='both')


def test_a_pair_in_a_folder_is_by_itself_and_frames_of_a_video_are_not(scenes: list, tmp_path: Path) -> None:
    visible, infrared = cut(scenes[0], 24, 0)
    images = [(visible, infrared), (np.full_like(visible, 90), infrared)]
    for folder in ('vi', 'ir'):
        writer = cv2.VideoWriter(str(tmp_path / f'{folder}.avi'), cv2.VideoWriter_fourcc(*'FFV1'), 5, (320, 240))
        for number, pair in enumerate(images):
            image = to_colour(pair[folder == 'ir'])
            write_image(str(tmp_path / folder / f'{number}.png'), image)
            writer.write(image)
        writer.release()
    infer = FusionInferencer(MODELS.build(dict(type='FixedFusion', rule='infrared')), align='visible')
    pairs = input_pairs(tmp_path / 'vi', tmp_path / 'ir')
    for _ in range(2):
        found = json.loads(infer.run(pairs, tmp_path / 'out').read_text())['images']
        assert [entry.get('shift', [0, 0])[0] > 20 for entry in found] == [True, False]
    run_video(infer, [tmp_path / 'vi.avi', tmp_path / 'ir.avi'], tmp_path / 'video')
    frames = json.loads((tmp_path / 'video/predictions.json').read_text())['frames']
    assert frames[0]['shift'] == frames[1]['shift'] and frames[0]['shift'][0] > 20
    infer(*images[0])
    infer.reset()
    assert 'shift' not in infer(*images[1])
    infer(*images[0])
    for name in ('vi', 'ir'):  # the second frame alone, as another video
        writer = cv2.VideoWriter(str(tmp_path / f'{name}.avi'), cv2.VideoWriter_fourcc(*'FFV1'), 5, (320, 240))
        writer.write(to_colour(images[1][name == 'ir']))
        writer.release()
    run_video(infer, [tmp_path / 'vi.avi', tmp_path / 'ir.avi'], tmp_path / 'video')
    assert 'shift' not in json.loads((tmp_path / 'video/predictions.json').read_text())['frames'][0]


@pytest.mark.parametrize('reference', ['visible', 'infrared'])
def test_beyond_a_homography_the_shift_is_found_where_both_see(scenes: list, reference: str) -> None:
    """The infrared camera sees the middle half, and was moved: what it does not see is visible luma, in register."""
    matrix = [[1.6, 0, -0.3], [0, 1.6, -0.225], [0, 0, 1]]
    model = dict(type='FixedFusion', rule='infrared')
    right = 0
    for pair in scenes:
        visible, infrared = cut(pair, 16, 0)
        seen = cv2.resize(infrared[45:195, 60:260], (320, 240), interpolation=cv2.INTER_CUBIC)
        with warnings.catch_warnings():
            warnings.simplefilter('error')  # no word of a moved camera either
            infer = FusionInferencer(MODELS.build(model), homography=matrix, align=reference)
            out = [infer(visible, seen) for _ in range(10)][-1]
        wanted = 16 if reference == 'visible' else -16
        right += abs(out.get('shift', (0, 0))[0] - wanted) <= 3
        if reference == 'visible' and 'shift' in out:
            grey, true = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
                          for image in (out['image'], cut(pair, 0, 0)[1]))
            middle = np.s_[60:180, 90:240]
            assert np.abs(grey[middle].astype(int) - true[middle]).mean() < 6
    assert right >= 0.6 * len(scenes)


def test_ranges_are_those_of_the_files_and_floats_may_be_of_64_bit(scenes: list) -> None:
    preprocessor = dict(type='mmfusenas.PairDataPreprocessor', bit_depth=dict(infrared=14))
    visible, infrared = cut(scenes[0], 24, 0)
    raw = np.rint(infrared / 255 * 16383).astype(np.uint16)
    for reference in ('visible', 'infrared'):
        model = MODELS.build(dict(type='FixedFusion', rule='average', data_preprocessor=preprocessor))
        infer, plain = (FusionInferencer(MODELS.build(dict(type='FixedFusion', rule='average')) if eight else model,
                                         align=reference) for eight in (False, True))
        found, wanted = infer(visible, raw), plain(visible, infrared)
        assert found['shift'] == wanted['shift'] != (0, 0)
        assert np.abs(found['image'].astype(int) - wanted['image']).mean() < 1
    aligned = FusionInferencer(MODELS.build(dict(type='FixedFusion', rule='average')), align='visible')
    assert aligned(visible.astype(np.float64), infrared)['shift'] == aligned(visible, infrared)['shift']
    kelvin = infrared / np.float32(10) + 280
    with pytest.raises(ValueError, match='floating point from 28'):
        aligned(visible, kelvin)


def test_a_missing_image_is_not_aligned(scenes: list) -> None:
    visible, infrared = cut(scenes[0], 24, 0)
    model = MODELS.build(dict(type='FixedFusion', rule='average'))
    infer = FusionInferencer(model, align='visible', missing='fallback')
    assert 'shift' in infer(visible, infrared)
    out = infer(visible // 30, infrared)
    assert out['replaced'] == 'visible' and 'shift' not in out
    np.testing.assert_array_equal(cv2.cvtColor(out['image'], cv2.COLOR_BGR2GRAY), infrared)


def test_a_sensor_that_shifts_is_aligned_in_the_frame_of_the_other(scenes: list) -> None:
    visible, infrared = cut(scenes[0], 0, 0)
    spoiled = SensorFailure('visible', 'shift', amount=16.0)(dict(img=visible, infrared=infrared))
    mended = AlignPair('infrared')(dict(spoiled))
    inner = np.s_[:, 20:-40]
    before, after = (np.abs(sample['img'][inner].astype(int) - visible[inner]).mean() for sample in (spoiled, mended))
    assert after < 0.2 * before
    with pytest.raises(ValueError, match='AlignPair needs a pair; a.png has no infrared'):
        AlignPair()(dict(img=visible, img_path='a.png'))
    with pytest.raises(ValueError, match="sensor, 'visible' or 'infrared', got 'both'"):
        AlignPair('both')
