"""Lines of progress on a terminal: written over, unless several commands run at once."""
import io
import sys
from types import SimpleNamespace

import pytest


@pytest.fixture
def progress(load_tool, monkeypatch):
    """The module, on a terminal that keeps what is written to it."""
    module = load_tool('progress')
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(module, 'sys', SimpleNamespace(stderr=terminal))
    return module


def written(progress) -> str:
    """Return what the terminal got since the last call."""
    terminal = progress.sys.stderr
    text = terminal.getvalue()
    terminal.truncate(0)
    terminal.seek(0)
    return text


def test_one_writes_over_its_line_and_two_do_not(progress):
    first = progress.Progress('first')
    first.tick()
    assert written(progress) == '\r\033[Kfirst, 0 s'
    second = progress.Progress('second')
    first.tick()
    assert written(progress) == ''
    first.shown -= 20
    first.tick()
    assert written(progress) == 'first, 0 s\n'
    first.end('done')
    written(progress)
    second.tick()
    assert written(progress) == '\r\033[Ksecond, 0 s'
    second.end('done')
    assert progress.Progress.going_on == []


def test_a_command_that_fails_says_how_it_ended(progress, tmp_path):
    code = '[print("line", i) for i in range(40)]; raise SystemExit("no such thing")'
    with pytest.raises(progress.StepError, match='counting failed(.|\n)*line 39(.|\n)*no such thing') as caught:
        progress.run([sys.executable, '-c', code], 'counting', log_file=tmp_path / 'log.txt')
    log = (tmp_path / 'log.txt').read_text()
    assert 'no such thing' in log and 'line 3\n' in log and 'line 3\n' not in str(caught.value)
    assert written(progress).endswith(': failed\n')
    progress.run([sys.executable, '-c', 'print(1)'], 'counting', log_file=tmp_path / 'log.txt')
    assert progress.Progress.going_on == []
