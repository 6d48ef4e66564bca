"""Sensors that fail: what becomes of the image, what stays, and the draws."""
import numpy as np
import pytest

from mmfusenas.datasets.transforms import SensorFailure

VISIBLE = np.random.default_rng(0).integers(0, 256, (8, 40, 3), dtype=np.uint8)
INFRARED = np.random.default_rng(1).integers(0, 65536, (8, 40), dtype=np.uint16)


def failed(sensor, failure, visible=VISIBLE, infrared=INFRARED, **kwargs):
    results = SensorFailure(sensor, failure, **kwargs)(dict(img=visible.copy(), infrared=infrared.copy(), img_id=3))
    return results['img'], results['infrared']


@pytest.mark.parametrize(('sensor', 'kept'), [('visible', 1), ('infrared', 0)])
@pytest.mark.parametrize(('failure', 'amount'), [('black', 1), ('gain', 4), ('noise', 0.1), ('shift', 5), ('other', 1)])
def test_one_image_changes_and_keeps_its_form(sensor, kept, failure, amount):
    images, before = failed(sensor, failure, amount=amount), (VISIBLE, INFRARED)
    assert (images[kept] == before[kept]).all()
    assert (images[1 - kept] != before[1 - kept]).mean() > 0.5
    for image, original in zip(images, before):
        assert image.shape == original.shape and image.dtype == original.dtype


def test_what_each_failure_makes():
    assert not failed('visible', 'black')[0].any()
    assert (failed('infrared', 'gain', amount=0.1)[1] == np.rint(INFRARED * 0.1)).all()
    assert (failed('infrared', 'gain', amount=4)[1] == np.minimum(INFRARED * 4.0, 65535)).all()
    shifted = failed('visible', 'shift', amount=15)[0]
    assert (shifted[:, 15:] == VISIBLE[:, :-15]).all() and (shifted[:, :15] == VISIBLE[:, :1]).all()
    other = failed('visible', 'other')[0]
    assert (other == np.rint(INFRARED / 257)[..., None]).all()
    grey = np.repeat(VISIBLE[..., :1], 3, axis=2)
    assert (failed('infrared', 'other', visible=grey)[1] == grey[..., 0] * 257.0).all()
    flat = np.full((200, 200), 127, np.uint8)
    noise = failed('infrared', 'noise', infrared=flat, amount=0.1)[1].astype(float)
    assert abs(noise.mean() - 127) < 1 and abs(noise.std() - 25.5) < 1
    kelvin = failed('infrared', 'gain', infrared=np.full((8, 40), 90, np.float32), amount=4)[1]
    assert (kelvin == 255).all()


def test_files_of_fewer_bits_than_their_type_has():
    deep = INFRARED >> 2
    assert failed('infrared', 'gain', infrared=deep, amount=9, bit_depth=dict(infrared=14))[1].max() == 16383
    flat = np.full((200, 200), 8000, np.uint16)
    noise = failed('infrared', 'noise', infrared=flat, amount=0.1, bit_depth=dict(infrared=14))[1].astype(float)
    assert abs(noise.std() - 1638) < 30
    for key, sensor in enumerate(('visible', 'infrared')):
        other = failed(sensor, 'other', infrared=deep, bit_depth=dict(infrared=14))[key]
        np.testing.assert_allclose(other, failed(sensor, 'other')[key] / (1, 4.0003)[key], atol=1.5)


def test_the_draws():
    spoiled = [(visible != VISIBLE).any() + 2 * (infrared != INFRARED).any()
               for visible, infrared in (failed('either', 'black', prob=0.5) for _ in range(400))]
    shares = np.bincount(spoiled, minlength=4) / 400
    assert np.allclose(shares, [0.5, 0.25, 0.25, 0], atol=0.08) and shares[3] == 0
    first, second = (failed('infrared', 'noise', amount=0.1, seed=seed)[1] for seed in (0, 0))
    assert (first == second).all() and (first != failed('infrared', 'noise', amount=0.1, seed=1)[1]).any()
    np.random.seed(5)
    first = failed('infrared', 'noise', amount=0.1)[1]
    np.random.seed(5)
    assert (first == failed('infrared', 'noise', amount=0.1)[1]).all()


def test_an_amount_is_drawn_from_its_range():
    flat = np.full((8, 40), 50, np.uint8)
    seen = {int(failed('infrared', 'gain', infrared=flat, amount=(0.5, 2.0))[1][0, 0]) for _ in range(200)}
    assert min(seen) >= 25 and max(seen) <= 100
    assert min(seen) < 35 and max(seen) > 90


@pytest.mark.parametrize('kwargs', [dict(sensor='thermal'), dict(failure='blur'), dict(amount=-1), dict(prob=1.5),
                                    dict(amount=(2, 1)), dict(amount=(-1, 1)), dict(amount=(1, 2, 3))])
def test_wrong_arguments_are_named(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        SensorFailure(**kwargs)


def test_a_sample_of_one_sensor_is_refused():
    with pytest.raises(ValueError, match='dark.png has no infrared'):
        SensorFailure()(dict(img=VISIBLE, img_path='dark.png'))
