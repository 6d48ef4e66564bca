"""Thermal images in kelvin, degrees Celsius and raw counts."""
import numpy as np
import pytest

from mmfusenas.datasets.images import write_image
from mmfusenas.datasets.thermal import ThermalScale
from mmfusenas.datasets.transforms import LoadPairFromFile

CELSIUS = np.float32([[-20, 0, 10, 25], [40, 50, 80, 20]])


@pytest.mark.parametrize('values, limits', [
    (CELSIUS, (0, 50)), (CELSIUS + 273.15, (273.15, 323.15)), (np.uint16(CELSIUS * 10 + 3000), (3000, 3500))])
def test_the_unit_makes_no_difference(values, limits):
    expected = (CELSIUS / 50).clip(0, 1) * 65535
    scaled = ThermalScale(limits=limits)(values)
    assert scaled.dtype == np.uint16 and np.abs(scaled - expected).max() <= 2
    assert (ThermalScale(limits=limits, black_hot=True)(values) == 65535 - scaled).all()


def test_percentiles_are_of_each_image():
    random = np.random.default_rng(0).normal(300, 5, (40, 50)).astype(np.float32)
    scaled = ThermalScale(percentiles=(5, 95))(random)
    assert abs((scaled == 0).mean() - 0.05) < 0.01 and abs((scaled == 65535).mean() - 0.05) < 0.01
    assert (ThermalScale(percentiles=(5, 95))(random + 40) == scaled).mean() > 0.9  # of float32
    assert not ThermalScale(percentiles=(1, 99))(np.full((4, 6), 300.0)).any()


def test_files_are_scaled_where_they_are_loaded(tmp_path):
    write_image(tmp_path / 'vi.png', np.zeros((2, 4, 3), np.uint8))
    for name in ('ir', 'aligned'):
        write_image(tmp_path / f'{name}.png', np.uint16(CELSIUS * 10 + 3000))
    paths = dict(img_path=str(tmp_path / 'vi.png'), infrared_path=str(tmp_path / 'ir.png'),
                 aligned_path=str(tmp_path / 'aligned.png'))
    loaded = LoadPairFromFile(thermal=dict(limits=[3000, 3500]))(paths)
    expected = ThermalScale(limits=(0, 50))(CELSIUS)
    for name in ('infrared', 'aligned'):
        assert np.abs(loaded[name].astype(int) - expected).max() <= 2
    assert not loaded['img'].any() and 'float_range' not in loaded


@pytest.mark.parametrize('kwargs', [
    dict(), dict(limits=(0, 1), percentiles=(1, 99)), dict(limits=(5, 5)), dict(limits=(1, )),
    dict(percentiles=(-1, 99))])
def test_wrong_arguments_are_named(kwargs):
    with pytest.raises(ValueError, match='ThermalScale got'):
        ThermalScale(**kwargs)
