"""The shift of a pair: known ones are found, of drawn and of real pairs, and none where nothing tells."""
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusenas.apis import FusionInferencer
from mmfusenas.datasets.images import in_form_of, read_infrared, read_visible, to_grey
from mmfusenas.datasets.offset import LEAST, PairAligner, pair_offset
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
    visible, infrared = cut(scenes[0], 0, 0)
    noise = [rng.integers(0, 256, SIZE, np.uint8) for _ in range(40)]
    assert not any(pair_offset(one, other) is not None for one, other in zip(noise[::2], noise[1::2], strict=True))
    assert pair_offset(visible, noise[0]) is None
    assert pair_offset(np.full_like(visible, 90), infrared) is None and pair_offset(visible[:6], infrared[:6]) is None
    with pytest.raises(ValueError, match=r'two images of one size, got \(240, 320\) and \(120, 320\)'):
        pair_offset(visible, infrared[:120])


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
    assert none == (0, 0) and not align.offset.any() and LEAST == 0.01


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
