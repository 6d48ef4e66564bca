"""FiveK's raw files and TIFFs as images."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from mmfusenas.core.errors import UserError
from mmfusenas.datasets import FiveKDataset


@pytest.fixture
def convert(load_tool):
    return load_tool('dataset_converters/fivek')


def write(folder, name, size=(60, 40), profile=None, colour=(200, 100, 50)):
    folder.mkdir(exist_ok=True)
    Image.new('RGB', size, colour).save(folder / name, **dict(icc_profile=profile) if profile else {})


def test_pairs_of_one_size_in_srgb(convert, tmp_path, capsys):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    for name in ('a', 'b'):
        write(tmp_path / 'in', f'{name}.png')
        write(tmp_path / 'c', f'{name}.tif', size=(120, 80), profile=srgb)
    convert.main([str(tmp_path / 'in'), str(tmp_path / 'c'), '--out', str(tmp_path / 'out'), '--long-side', '30'])
    pairs = FiveKDataset(data_root=str(tmp_path / 'out'))
    assert len(pairs) == 2
    for info in (pairs.get_data_info(i) for i in range(2)):
        for key in ('img_path', 'reference_path'):
            assert cv2.imread(info[key]).shape == (20, 30, 3) and cv2.imread(info[key])[0, 0].tolist() == [50, 100, 200]
    assert 'make_split.py' in capsys.readouterr().out


def test_sixteen_bits_are_read(convert, tmp_path):
    image = np.full((20, 30, 3), (10000, 30000, 60000), np.uint16)
    cv2.imwrite(str(tmp_path / 'a.tif'), image)
    assert np.abs(np.asarray(convert.read(tmp_path / 'a.tif'))[0, 0] - np.array([60000, 30000, 10000]) / 257).max() < 1


def test_what_cannot_be_converted_is_said(convert, tmp_path):
    write(tmp_path / 'in', 'a.png')
    write(tmp_path / 'c', 'a.png', size=(40, 60))
    arguments = [str(tmp_path / 'in'), str(tmp_path / 'c'), '--out', str(tmp_path / 'out')]
    with pytest.raises(UserError, match='is turned or cut'):
        convert.main(arguments)
    write(tmp_path / 'in', 'b.png')
    with pytest.raises(UserError, match='1 images.*partner.*b'):
        convert.main(arguments)
    (tmp_path / 'none').mkdir()
    with pytest.raises(UserError, match='holds no image'):
        convert.main([str(tmp_path / 'none'), *arguments[1:]])
