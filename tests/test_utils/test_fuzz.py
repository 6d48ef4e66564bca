"""Damaged files of every kind, by the fuzzer, and that it notices what it looks for."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kits import fuzzing
from mmfusenas.core.errors import InputError


@pytest.mark.slow
def test_damaged_files_of_every_kind(root: Path, tmp_path: Path) -> None:
    """At least 2000 cases: each is one message that names the file, or works, within 2 GB and without side effects."""
    out, script = tmp_path / 'out.json', root / 'tests' / 'kits' / 'fuzzing.py'
    done = subprocess.run([sys.executable, script, '--cases', '130', '--out', out], capture_output=True, text=True,
                          timeout=1800)
    # A process that crashed says last in which case.
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-300:]
    results = json.loads(out.read_text()).values()
    assert len(results) == len(fuzzing.KINDS) and sum(r['works'] + r['error'] for r in results) >= 2000
    assert all(result['error'] for result in results) and all(result['works'] for result in results)


def _named(path: Path) -> None:
    raise InputError(f'{path} is none.')


def _nameless(path: Path) -> None:
    raise InputError('It is none.')


def _lost(path: Path) -> None:
    raise KeyError('a')


def _slow(path: Path) -> None:
    time.sleep(5)


def _run(path: Path) -> None:
    os.system('true')


def _write(path: Path) -> None:
    path.with_name('left.partial').touch()


def _peep(path: Path) -> None:
    Path('/etc/passwd').read_bytes()


@pytest.mark.parametrize(('read', 'expected'), [
    (_named, None), (_nameless, 'is not named'), (_lost, "KeyError: 'a'"), (_slow, 'TooSlow'), (_run, 'os.system'),
    (_write, 'left.partial'), (_peep, 'open /etc/passwd')])
def test_the_fuzzer_notices(read, expected: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # to come back to: the fuzzer changes it
    monkeypatch.setattr(fuzzing, 'SECONDS', 0.2)
    found = []

    def damaged(path: Path) -> None:
        if path.read_bytes() != b'good':
            found.append(path)
            read(path)

    monkeypatch.setitem(fuzzing.KINDS, 'x', fuzzing.Kind('.x', lambda path: path.write_text('good'), damaged))
    faults = fuzzing.fuzz(['x'], 5, 0)['x']['faults']
    assert found and (expected in faults[0] if expected else not faults)
    os.chdir(tmp_path)


def test_a_case_is_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setitem(fuzzing.KINDS, 'x', fuzzing.Kind(
        '.x', lambda path: path.write_bytes(bytes(200)), lambda path: seen.append(path.read_bytes())))
    fuzzing.fuzz(['x'], 5, 0)
    fuzzing.fuzz(['x'], 5, 0, only=3)
    os.chdir(tmp_path)
    assert seen[4] == seen[7] and len(set(seen)) > 3
