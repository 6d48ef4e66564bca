"""Files that are there whole or not at all."""
import errno
import os

import pytest

from mmfusenas.core.errors import InputError
from mmfusenas.core.files import DEEPEST, atomic_write, parse_json, remove_partial_files


def test_flushed_before_it_is_moved(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, 'fsync', lambda fd: (steps.append(os.readlink(f'/proc/self/fd/{fd}')), fsync(fd)))
    monkeypatch.setattr(os, 'replace', lambda old, new: (steps.append('move'), replace(old, new)))
    with atomic_write(tmp_path / 'a.json') as partial:
        partial.write_text('{}')
    assert steps == [str(tmp_path / 'a.json.partial'), 'move', str(tmp_path)]
    assert (tmp_path / 'a.json').read_text() == '{}'


def test_interrupted_writing_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with atomic_write(tmp_path / 'a.json') as partial:
            partial.write_text('{')
            raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_leftovers_are_removed(tmp_path):
    for name in ('a.pth', 'b.pth.partial', 'last_checkpoint.partial'):
        (tmp_path / name).write_text('x')
    assert [path.name for path in remove_partial_files(tmp_path)] == ['b.pth.partial', 'last_checkpoint.partial']
    assert os.listdir(tmp_path) == ['a.pth']


def test_folders_are_made_and_where_that_fails_it_is_said(tmp_path):
    with atomic_write(tmp_path / 'new' / 'a.json', flush=False) as partial:
        partial.write_text('{}')
    assert os.listdir(tmp_path / 'new') == ['a.json']
    (tmp_path / 'file').write_text('x')
    with pytest.raises(OSError, match=r'file/a\.json was not written\. Check that .*/file is a folder'):
        with atomic_write(tmp_path / 'file' / 'a.json'):
            pass


@pytest.mark.parametrize('number, advice', [
    (errno.ENOSPC, r'was not written\. \d+ MB are free there\. .*--resume'),
    (errno.EACCES, r'was not written\. Check that \S+ is a folder that you may write to, or name another\.$')])
def test_the_advice_is_of_the_cause(tmp_path, number, advice):
    with pytest.raises(OSError, match=advice):
        with atomic_write(tmp_path / 'a.json'):
            raise OSError(number, os.strerror(number))


def test_json_is_read_or_said_to_be_none():
    assert parse_json(b'{"a": [1]}', 'it') == dict(a=[1])
    for content in ('{"a"', b'\xff', '[' * 10 ** 5, '[' * (DEEPEST + 2) + ']' * (DEEPEST + 2), '1' * 5000, None):
        with pytest.raises(InputError, match='it is not JSON'):
            parse_json(content, 'it')
