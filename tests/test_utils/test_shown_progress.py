"""Progress: a bar on a terminal, lines in a log."""
from io import StringIO

import pytest
from rich.console import Console

from mmfusenas.utils import progress


@pytest.mark.parametrize(('interval', 'numbers'), [(0, [1, 2, 3]), (1000, [3])])
def test_a_log_gets_a_line_now_and_then_and_one_in_the_end(interval: float, numbers: list[int], capsys,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, 'INTERVAL', interval)
    assert list(progress.shown(iter('abc'), 'average', 3, 'pairs')) == ['a', 'b', 'c']
    written = capsys.readouterr()
    assert written.err.splitlines() == [f'average: {number} of 3 pairs, 0 s' for number in numbers]
    assert written.out == ''


def test_a_terminal_gets_a_bar(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=StringIO(), force_terminal=True)
    monkeypatch.setattr('rich._console', console)
    monkeypatch.setattr(progress, 'INTERVAL', 0)
    assert list(progress.shown(iter(['ab', 'c']), 'average', 3, size=len)) == ['ab', 'c']
    assert 'average' in console.file.getvalue() and '100%' in console.file.getvalue()
    assert capsys.readouterr().err == ''
