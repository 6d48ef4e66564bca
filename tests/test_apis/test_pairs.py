"""Which pictures belong together."""
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mmfusenas.apis import input_pairs
from mmfusenas.datasets.problems import DatasetError


def names(visible: Path, infrared: Path) -> list[tuple[str, str, str]]:
    return [(pair.stem, Path(pair.visible).name, Path(pair.infrared).name) for pair in input_pairs(visible, infrared)]


def test_two_files_are_a_pair_whatever_their_names(files: Callable) -> None:
    vi, ir = files('vi', 'a.png'), files('ir', 'b.jpg')
    assert names(vi / 'a.png', ir / 'b.jpg') == [('a', 'a.png', 'b.jpg')]


def test_folders_go_by_equal_stems(files: Callable) -> None:
    vi, ir = files('vi', '2.png', '1.png'), files('ir', '1.jpg', '2.bmp')
    assert names(vi, ir) == [('1', '1.png', '1.jpg'), ('2', '2.png', '2.bmp')]


def test_folders_go_by_the_longest_common_beginning(files: Callable) -> None:
    vi = files('vi', 'F_1_vi.png', 'F_10_vi.png', 'F_2_vi.png')
    ir = files('ir', 'F_2_ir.png', 'F_1_ir.png', 'F_10_ir.png')
    assert [(a, c) for a, _, c in names(vi, ir)] == [
        ('F_10_vi', 'F_10_ir.png'), ('F_1_vi', 'F_1_ir.png'), ('F_2_vi', 'F_2_ir.png')]


@pytest.mark.parametrize(('visible', 'infrared', 'message'), [
    (('a.png', 'b.png'), ('a.png',), "without a partner (1):.*b.png: no picture of the stem 'b'"),
    (('F_1_vi.png',), ('F_1_ir.png', 'F_1_th.png'), "ambiguous pairing (1):.*begins like ['F_1_ir', 'F_1_th']"),
    (('F_0012_vi.png', 'F_0002_vi.png'), ('F_0013_ir.png', 'F_0002_ir.png'), "begins like ['F_0013_ir']"),
    (('a.png', 'a.jpg'), ('a.png',), 'two pictures of one stem'),
    ((), (), 'no pictures'),
])  # fmt: skip
def test_folders_that_do_not_fit_are_refused(visible, infrared, message, files: Callable) -> None:
    with pytest.raises(DatasetError, match=re.escape(message).replace(r'\.\*', '(?s:.*)')):
        input_pairs(files('vi', *visible), files('ir', *infrared))


def test_lists_go_line_by_line(files: Callable, tmp_path: Path) -> None:
    files('vi', 'a.png', 'b.png'), files('ir', 'x.png')
    (tmp_path / 'vi.txt').write_text('vi/b.png\n\nvi/a.png\n')
    (tmp_path / 'ir.txt').write_text('ir/x.png\nir/x.png')
    assert names(tmp_path / 'vi.txt', tmp_path / 'ir.txt') == [('b', 'b.png', 'x.png'), ('a', 'a.png', 'x.png')]
    (tmp_path / 'ir.txt').write_text('ir/x.png\n')
    with pytest.raises(DatasetError, match='lists of different length'):
        input_pairs(tmp_path / 'vi.txt', tmp_path / 'ir.txt')


def test_lists_name_missing_files_and_results_that_would_collide(files: Callable, tmp_path: Path) -> None:
    files('vi', 'a.png'), files('other', 'a.png')
    (tmp_path / 'vi.txt').write_text('vi/a.png\nother/a.png\nvi/gone.png')
    with pytest.raises(DatasetError, match=r'(?s)missing file \(2\).*gone.png.*equal stems \(1\).*would overwrite'):
        input_pairs(tmp_path / 'vi.txt', tmp_path / 'vi.txt')


def test_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        input_pairs(tmp_path / 'nowhere', tmp_path)
