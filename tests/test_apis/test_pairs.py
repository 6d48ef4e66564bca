"""Which images belong together."""
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


def test_folders_that_do_not_fit_are_refused(files: Callable) -> None:
    with pytest.raises(DatasetError, match=r"(?s)without a partner \(1\):.*b.png: no image of the stem 'b'"):
        input_pairs(files('vi', 'a.png', 'b.png'), files('ir', 'a.png'))


def test_lists_may_give_one_infrared_image_to_several(files: Callable, tmp_path: Path) -> None:
    files('vi', 'a.png', 'b.png'), files('ir', 'x.png')
    (tmp_path / 'vi.txt').write_text('vi/b.png\n\nvi/a.png\n')
    (tmp_path / 'ir.txt').write_text('ir/x.png\nir/x.png')
    assert names(tmp_path / 'vi.txt', tmp_path / 'ir.txt') == [('b', 'b.png', 'x.png'), ('a', 'a.png', 'x.png')]


def test_lists_name_missing_files_and_results_that_would_collide(files: Callable, tmp_path: Path) -> None:
    files('vi', 'a.png'), files('other', 'a.png')
    (tmp_path / 'vi.txt').write_text('vi/a.png\nother/a.png\nvi/gone.png')
    with pytest.raises(DatasetError, match=r'(?s)missing file \(2\).*gone.png.*equal stems \(1\).*would overwrite'):
        input_pairs(tmp_path / 'vi.txt', tmp_path / 'vi.txt')
