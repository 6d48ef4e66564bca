"""Reading pairs: depth and colour kept, bad files named."""
import os
import struct
import zlib

import cv2
import numpy as np
import pytest

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import (
    ImageError,
    checked_array,
    image_size,
    read_array,
    read_infrared,
    read_visible,
    to_display,
    write_image,
)
from mmfusenas.datasets.transforms import LoadPairFromFile, LoadSegMap
from mmfusenas.datasets.transforms.load_guided import as_target


def write(path, array):
    assert cv2.imwrite(str(path), array)
    return str(path)


def results(tmp_path, visible, infrared, **more):
    return dict(
        img_path=write(tmp_path / 'vi.png', visible), infrared_path=write(tmp_path / 'ir.png', infrared), **more)


def test_colour_and_both_depths_are_kept_exactly(tmp_path, make_image):
    visible, infrared = make_image(0, (24, 32), 3), make_image(1, (24, 32), dtype=np.uint16)
    loaded = LoadPairFromFile()(results(tmp_path, visible, infrared))
    assert loaded['img'].dtype == np.uint8 and np.array_equal(loaded['img'], visible)
    assert loaded['infrared'].dtype == np.uint16 and np.array_equal(loaded['infrared'], infrared)
    assert loaded['img_shape'] == loaded['ori_shape'] == (24, 32)


def test_sixteen_bit_visible_keeps_its_depth(tmp_path, make_image):
    visible = make_image(0, (8, 9), 3, np.uint16)
    loaded = LoadPairFromFile()(results(tmp_path, visible, make_image(1, (8, 9))))
    assert loaded['img'].dtype == np.uint16 and np.array_equal(loaded['img'], visible)


def test_grey_visible_becomes_three_equal_channels(tmp_path, make_image):
    grey = make_image(0, (8, 9))
    loaded = LoadPairFromFile()(results(tmp_path, grey, grey))
    assert np.array_equal(loaded['img'], np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_infrared_stored_with_three_equal_channels_becomes_one(tmp_path, make_image, dtype):
    grey = make_image(1, (8, 9), dtype=dtype)
    loaded = LoadPairFromFile()(results(tmp_path, make_image(0, (8, 9), 3), np.repeat(grey[..., None], 3, axis=2)))
    assert loaded['infrared'].dtype == dtype and np.array_equal(loaded['infrared'], grey)


def test_sizes_that_differ_are_an_error_naming_both_files_and_sizes(tmp_path, make_image):
    info = results(tmp_path, make_image(0, (24, 32), 3), make_image(1, (12, 16)))
    with pytest.raises(ValueError, match=r'vi\.png is 32 x 24, .*ir\.png is 16 x 12.*resize='):
        LoadPairFromFile()(info)


@pytest.mark.parametrize('resize, size', [('visible', (24, 32)), ('infrared', (12, 16))])
def test_resize_brings_both_to_the_named_size_with_the_boxes(tmp_path, make_image, resize, size):
    info = results(tmp_path, make_image(0, (24, 32), 3), np.full((12, 16), 7000, np.uint16), height=24, width=32,
                   instances=[dict(bbox=[4, 8, 16, 24], bbox_label=0, ignore_flag=0)])
    loaded = LoadPairFromFile(resize=resize)(info)
    assert loaded['img'].shape[:2] == loaded['infrared'].shape == loaded['ori_shape'] == size
    assert loaded['infrared'].dtype == np.uint16 and (loaded['infrared'] == 7000).all()
    factor = size[0] / 24
    assert loaded['instances'][0]['bbox'] == [4 * factor, 8 * factor, 16 * factor, 24 * factor]
    assert (loaded['height'], loaded['width']) == size


@pytest.mark.parametrize('more', [
    dict(seg_map_path='map.png'), dict(instances=[dict(bbox=[4, 8, 16, 24], mask=[[4, 8, 16, 8, 16, 24]])])])
def test_maps_and_masks_are_not_scaled(tmp_path, make_image, more):
    info = results(tmp_path, make_image(0, (24, 32), 3), make_image(1, (12, 16)), **more)
    with pytest.raises(ValueError, match=r"maps and masks.*vi\.png.*'visible'"):
        LoadPairFromFile(resize='infrared')(info)


def test_an_unknown_resize_is_refused():
    with pytest.raises(ValueError, match="None, 'visible' or 'infrared', got 'both'"):
        LoadPairFromFile(resize='both')


@pytest.mark.parametrize('content, message', [
    (None, r'ir\.png cannot be opened .*check_dataset'),
    (b'', r'ir\.png is empty \(0 bytes\)'),
    (b'no image', r'ir\.png \(8 bytes\) cannot be decoded'),
])
def test_missing_empty_and_damaged_files_are_named(tmp_path, make_image, content, message):
    info = results(tmp_path, make_image(0, (8, 9), 3), make_image(1, (8, 9)))
    (tmp_path / 'ir.png').unlink()
    if content is not None:
        (tmp_path / 'ir.png').write_bytes(content)
    with pytest.raises(ImageError, match=message):
        LoadPairFromFile()(info)


def test_a_file_cut_off_in_its_header_is_named(tmp_path, make_image):
    info = results(tmp_path, make_image(0, (8, 9), 3), make_image(1, (8, 9)))
    (tmp_path / 'vi.png').write_bytes((tmp_path / 'vi.png').read_bytes()[:30])
    with pytest.raises(ImageError, match=r'vi\.png'):
        LoadPairFromFile()(info)


def test_size_is_read_from_the_header(tmp_path, make_image):
    path = write(tmp_path / 'a.png', make_image(0, (24, 32), 3))
    assert image_size(path) == (24, 32)
    (tmp_path / 'b.png').write_bytes((tmp_path / 'a.png').read_bytes()[:60])  # the pixels are not looked at
    assert image_size(str(tmp_path / 'b.png')) == (24, 32)


def test_size_follows_the_orientation_that_reading_applies(tmp_path, make_image):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(make_image(0, (24, 32), 3)).save(tmp_path / 'a.jpg', exif=exif)
    info = dict(img_path=str(tmp_path / 'a.jpg'), infrared_path=str(tmp_path / 'a.jpg'))
    assert image_size(info['img_path']) == LoadPairFromFile()(info)['img'].shape[:2] == (32, 24)


def test_deep_images_are_stretched_for_display_and_others_stay():
    shown = to_display(np.array([[1000, 2000], [3000, 5000]], np.uint16))
    assert shown[..., 0].tolist() == [[0, 64], [128, 255]] and shown.shape == (2, 2, 3)
    plain = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(to_display(plain), plain)
    assert to_display(plain[..., :1]).shape == (2, 2, 3)
    bands = np.stack([np.full((2, 2), i, np.float32) for i in (0, 1, 5, 6)], 2)
    bands[0, 0] += 4
    assert to_display(bands)[..., 0].tolist() == [[255, 0], [0, 0]]


def test_published_pairs_load(shared):
    folder = shared / 'data/m3fd_samples'
    loaded = LoadPairFromFile()(dict(img_path=str(folder / 'vi/00512.jpg'), infrared_path=str(folder / 'ir/00512.jpg')))
    assert loaded['img'].shape == (768, 1024, 3) and loaded['infrared'].shape == (768, 1024)
    assert np.ptp(loaded['img'].astype(int), axis=2).max() > 50  # in colour


def test_an_image_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    image = np.zeros((4, 5, 3), np.uint8)
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file/a.png was not written'):
        write_image(tmp_path / 'file/a.png', image)
    monkeypatch.setattr('cv2.imencode', lambda *_: (False, None))
    with pytest.raises(OSError, match=r'a\.png.*\(4, 5, 3\).*uint8'):
        write_image(tmp_path / 'a.png', image)
    assert not (tmp_path / 'a.png').exists()


def bomb(path, side):
    """Write a PNG of a few bytes that states ``side`` pixels each way."""
    def chunk(kind, content):
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)) + chunk(
        b'IDAT', zlib.compress(bytes(10 ** 6))) + chunk(b'IEND', b''))


@pytest.mark.parametrize('side, said', [(9000, '9000 x 9000'), (30000, 'too large')])
def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path, monkeypatch, side, said):
    path = tmp_path / 'a.png'
    bomb(path, side)
    monkeypatch.setattr(cv2, 'imdecode', None)
    for read in (read_visible, read_infrared, image_size, read_array):
        with pytest.raises(ImageError, match=rf'a\.png is {said}.*images have up to 67,108,864 pixels'):
            read(str(path))
    with pytest.raises(ImageError, match=said):
        LoadSegMap()(dict(seg_map_path=str(path)))


def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / 'a.png')
    for read in (read_visible, image_size, read_array):
        with pytest.raises(ImageError, match='a.png is no regular file'):
            read(str(tmp_path / 'a.png'))


def test_a_grey_image_of_floats_is_read_as_colour(tmp_path):
    image = np.random.default_rng(0).random((24, 32), np.float32)
    cv2.imwrite(str(tmp_path / 'a.tif'), image)
    assert np.array_equal(read_visible(str(tmp_path / 'a.tif')), np.dstack([image] * 3))
    cv2.imwrite(str(tmp_path / 'b.tif'), image.astype(float))
    with pytest.raises(ImageError, match='holds float64; save it as'):
        read_visible(str(tmp_path / 'b.tif'))


def test_arrays_without_pixels(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros((0, 4)))
    with pytest.raises(ImageError, match=r'float64 of the shape \(0, 4\)'):
        read_array(str(tmp_path / 'a.npy'))
    for shape in ((0, 0), (0, 4, 3)):
        with pytest.raises(InputError, match='it has no pixels'):
            checked_array(np.zeros(shape), 'it')
    with pytest.raises(ImageError, match='it has no pixels'):
        as_target(np.zeros((0, 0)), False, (8, 8), ('a', 'b'))


def test_a_cut_off_photograph_is_not_read_in_part(tmp_path, make_image):
    content = cv2.imencode('.jpg', make_image(0, (240, 320), 3))[1].tobytes()
    for share in (0.3, 0.6, 0.9):
        (tmp_path / 'a.jpg').write_bytes(content[:int(len(content) * share)])
        with pytest.raises(ImageError, match='a.jpg .* cannot be decoded'):
            read_visible(str(tmp_path / 'a.jpg'))
