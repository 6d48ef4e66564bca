"""Which image belongs to which."""
import os

import pytest

from mmfusenas.datasets.pairing import pair_sources
from mmfusenas.datasets.problems import DatasetError, raise_errors


def pair_paths(visible, infrared):
    pairs, problems = pair_sources(visible, infrared)
    raise_errors(problems, 'This')
    return pairs


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b'x')
    return str(folder)


def stems(pairs):
    return [(pair.stem, os.path.basename(pair.visible), os.path.basename(pair.infrared)) for pair in pairs]


def test_equal_stems_whatever_the_suffix(tmp_path):
    a, b = touch(tmp_path / 'a', '2.png', '1.JPG', 'notes.md'), touch(tmp_path / 'b', '1.bmp', '2.tif')
    assert stems(pair_paths(a, b)) == [('1', '1.JPG', '1.bmp'), ('2', '2.png', '2.tif')]


def test_two_files(tmp_path):
    folder = touch(tmp_path / 'a', 'x.png', 'y.png')
    assert stems(pair_paths(f'{folder}/x.png', f'{folder}/y.png')) == [('x', 'x.png', 'y.png')]


def test_longest_common_beginning(tmp_path):
    a = touch(tmp_path / 'a', 'img_1_vis.png', 'img_10_vis.png', 'img_2_vis.png')
    b = touch(tmp_path / 'b', 'img_1_ir.png', 'img_10_ir.png', 'img_2_ir.png')
    assert stems(pair_paths(a, b)) == [
        ('img_10_vis', 'img_10_vis.png', 'img_10_ir.png'), ('img_1_vis', 'img_1_vis.png', 'img_1_ir.png'),
        ('img_2_vis', 'img_2_vis.png', 'img_2_ir.png')]


@pytest.mark.parametrize('visible, infrared, message', [
    (['a_1.png', 'a_2.png'], ['a_x.png', 'a_y.png'],
     r"ambiguous pairing \(2\):\n.*a_1\.png: begins like \['a_x', 'a_y'\]"),
    (['ab.png', 'ac.png'], ['abx.png'], r"begins like 'abx', as does 'ab'"),
    (['a.png'], ['x.png', 'y.png'], r'begins like none of the other folder'),
    (['a1.png'], ['a2.png', 'b.png'], r'without a partner \(1\)'),
    (['a.png', 'b.png'], ['a.png'], r"b\.png: no image of the stem 'b'"),
    (['F_0012_vi.png', 'F_0002_vi.png'], ['F_0013_ir.png', 'F_0002_ir.png'], r"begins like \['F_0013_ir'\]"),
    (['a.png', 'a.jpg'], ['a.png'], 'two images of one stem'), ([], [], 'no images'),
])
def test_what_cannot_be_paired(tmp_path, visible, infrared, message):
    with pytest.raises(DatasetError, match=message):
        pair_paths(touch(tmp_path / 'a', *visible), touch(tmp_path / 'b', *infrared))


def test_lists_go_line_by_line(tmp_path, monkeypatch):
    folder = touch(tmp_path / 'images', '1.png', '2.png', '3.png')
    (tmp_path / 'images/a.txt').write_text('2.png\n1.png\n')  # beside the list
    (tmp_path / 'b.txt').write_text(f'{folder}/1.png\nimages/3.png\n')
    monkeypatch.chdir(tmp_path)
    pairs = pair_paths(f'{folder}/a.txt', 'b.txt')
    assert stems(pairs) == [('2', '2.png', '1.png'), ('1', '1.png', '3.png')]
    assert all(os.path.exists(path) for pair in pairs for path in pair[1:])


def test_lists_of_different_length(tmp_path):
    (tmp_path / 'a.txt').write_text('1.png\n2.png\n')
    (tmp_path / 'b.txt').write_text('1.png\n')
    with pytest.raises(DatasetError, match=r'a\.txt: 2 lines, .*b\.txt has 1'):
        pair_paths(str(tmp_path / 'a.txt'), str(tmp_path / 'b.txt'))


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere does not exist .*working directory'):
        pair_paths(str(tmp_path / 'nowhere'), str(tmp_path))


def test_folders_of_one_image_each_are_paired_by_name_too(tmp_path):
    for name in ('vi/00591D.jpg', 'ir/00596D.jpg', 'other/00591D.png'):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    folders = {name: str(tmp_path / name) for name in ('vi', 'ir', 'other')}
    assert pair_sources(folders['vi'], folders['ir'])[0] == []
    assert len(pair_sources(folders['vi'], folders['other'])[0]) == 1
    assert len(pair_sources(folders['vi'] + '/00591D.jpg', folders['ir'] + '/00596D.jpg')[0]) == 1  # named, so meant
