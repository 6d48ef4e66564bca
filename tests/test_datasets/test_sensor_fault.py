"""An image of no use is known as such, and one of some use is not."""
from pathlib import Path

import numpy as np
import pytest

from mmfusenas.datasets.images import in_form_of, read_infrared, read_visible, to_colour
from mmfusenas.datasets.sensor_fault import FROZEN, FrozenWatch, failed_sensor, sensor_fault
from mmfusenas.datasets.transforms import ReplaceFailedSensor, SensorFailure
from mmfusenas.scenes.synthetic_scenes import SyntheticScenes

FAILURES = {'of one value': ('black', 1.0), 'dark': ('gain', 0.1), 'saturated': ('gain', 6.0), 'noisy': ('noise', 0.12)}


@pytest.fixture(scope='module')
def scenes() -> list[dict]:
    """Drawn scenes by day, by night, in glare and in fog."""
    data = SyntheticScenes(length=16)
    return [data.get_data_info(index) for index in range(16)]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('sensor', ['visible', 'infrared'])
@pytest.mark.parametrize('fault', FAILURES)
def test_what_a_sensor_failure_makes_is_found(
        scenes: list[dict], sensor: str, fault: str, dtype: type) -> None:
    scene = next(scene for scene in scenes if scene['condition'] == 'day')
    sample = {key: in_form_of(scene[key], np.zeros((1, ) * scene[key].ndim, dtype)) for key in ('img', 'infrared')}
    assert [sensor_fault(image) for image in sample.values()] == [None, None]
    failure, amount = FAILURES[fault]
    spoiled = SensorFailure(sensor, failure, amount=amount, seed=0)(dict(sample, img_id=0))
    assert sensor_fault(spoiled['img' if sensor == 'visible' else 'infrared']) == fault
    other, replaced = ('infrared', 'img') if sensor == 'visible' else ('img', 'infrared')
    mended = ReplaceFailedSensor()(dict(spoiled))
    np.testing.assert_array_equal(mended[replaced], in_form_of(sample[other], sample[replaced]))
    np.testing.assert_array_equal(mended[other], sample[other])


def test_a_sensor_stands_where_it_alone_shows_the_same() -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (8, 8), np.uint8) for _ in range(300)]

    def said(visible: list[int], infrared: list[int]) -> list[str | None]:
        watch = FrozenWatch()
        return [watch(dict(visible=frames[one], infrared=frames[other])) for one, other in zip(visible, infrared)]

    every = list(range(200))
    assert said(every, [200] * 200) == [None] * FROZEN + ['infrared'] * (200 - FROZEN)
    assert set(said([200] * 200, [201] * 200)) == {None}  # nothing changes
    for rate in (2, 9, 30):  # a sensor of lower rate
        assert set(said(every, [200 + number // rate for number in every])) == {None}
    # While both stand nothing is counted, and nothing is forgotten.
    found = said([*range(40), *[39] * 30, *range(40, 60)], [200] * 90)
    assert found.index('infrared') == 80
    again = said([*range(60), 60, 60], [*[200] * 60, 200, 201])
    assert again[-2:] == ['infrared', None]


def test_scenes_by_day_and_night_have_no_fault(scenes: list[dict]) -> None:
    assert {sensor_fault(scene[key]) for scene in scenes for key in ('img', 'infrared')} == {None}


def test_real_pairs_have_no_fault(shared: Path) -> None:
    faults: list[str | None] = []
    for folder, read in dict(vi=read_visible, ir=read_infrared).items():
        for part in ('msrs/test', 'roadscene/test', 'tno/test'):
            faults += [sensor_fault(read(str(path))) for path in sorted((shared / 'data' / part / folder).iterdir())]
    assert len(faults) == 186 and set(faults) == {None}


def test_both_or_neither_are_left_as_they_are(scenes: list[dict]) -> None:
    scene = scenes[0]
    dark = {key: scene[key] // 12 for key in ('img', 'infrared')}
    assert failed_sensor(dark) is None and failed_sensor(dict(dark, img=scene['img'])) == 'infrared'
    for pair in (dark, {key: scene[key] for key in dark}):
        mended = ReplaceFailedSensor()(dict(pair))
        assert all(mended[key] is pair[key] for key in pair)
    with pytest.raises(ValueError, match='ReplaceFailedSensor needs a pair; a.png has no infrared'):
        ReplaceFailedSensor()(dict(img=scene['img'], img_path='a.png'))


def test_files_of_fewer_bits_than_their_type_has_are_not_dark(scenes: list[dict]) -> None:
    infrared = scenes[0]['infrared'].astype(np.uint16) * 4  # of 10 bit
    pair, mend = dict(img=scenes[0]['img'], infrared=infrared), ReplaceFailedSensor(dict(infrared=10))
    assert mend(dict(pair))['infrared'] is infrared and ReplaceFailedSensor()(dict(pair))['infrared'] is not infrared
    replaced = mend(dict(pair, img=scenes[0]['img'] // 12))['img']
    np.testing.assert_allclose(replaced, to_colour(scenes[0]['infrared']), atol=1)


@pytest.mark.parametrize(('shape', 'dtype'), [((4, 6), np.uint8), ((4, 6, 3), np.uint16), ((4, 6, 3), np.float32)])
def test_the_form_is_that_of_the_other(shape: tuple, dtype: type) -> None:
    image = np.full((4, 6), 51, np.uint8)
    found = in_form_of(image, np.zeros(shape, dtype))
    assert found.shape == shape and found.dtype == dtype
    assert found.flat[0] == (51 * 257 if dtype == np.uint16 else 51)
