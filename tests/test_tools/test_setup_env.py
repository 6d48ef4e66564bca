"""The set-up finds what a Python has, and says plainly what a machine lacks."""
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def setup_env(load_tool: Callable) -> ModuleType:
    return load_tool('setup_env')


@pytest.fixture
def set_up_for(load_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import the set-up as it is with STACK in the environment; what it imported by that name is forgotten after."""

    def load(stack: str) -> ModuleType:
        monkeypatch.setenv('STACK', stack)
        for name in ('progress', 'setup_mmcv'):
            monkeypatch.delitem(sys.modules, name, raising=False)
        return load_tool('setup_env')

    yield load
    for name in ('progress', 'setup_mmcv'):
        sys.modules.pop(name, None)


@pytest.mark.parametrize('version, conditions, fits', [
    ('2.1.0', '>=2.1.0,<2.2.0', True), ('2.2.0', '>=2.1.0,<2.2.0', False), ('2.0.9', '>=2.1.0', False),
    ('2.13.0+cpu', '>=2.6', True), ('0.11.0rc3', '==0.11.0rc3', True), ('0.10.7', '==0.11.0rc3', False),
    ('80.10.2', '<81', True), ('1.0', '', True),
])
def test_satisfies(setup_env: ModuleType, version: str, conditions: str, fits: bool) -> None:
    assert setup_env.satisfies(version, conditions) is fits


def test_this_python_is_taken_as_it_is(setup_env: ModuleType) -> None:
    """The Python of the tests has what is needed, or they would not run."""
    state = setup_env.probe(sys.executable)
    assert setup_env.shortcomings(state) == []
    mmcv, = (name for name in state['versions'] if name.endswith('mmcv'))
    needed = setup_env.wanted()['matplotlib']
    state['versions']['regex'], state['versions']['matplotlib'] = None, '0.1'
    state['operators'] = []
    assert state['versions'][mmcv] and setup_env.shortcomings(state) == [
        f'matplotlib{needed} (it has 0.1)', 'regex', "mmcv's compiled operators"]
    assert setup_env.shortcomings(dict(state, python=[3, 9])) == ['a newer Python than 3.9 (3.11 at least)']
    assert setup_env.shortcomings(setup_env.probe('/no/such/python')) == ['everything: it does not run']


def test_what_a_target_needs_besides(setup_env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """``make docs`` installs Sphinx once, where it is not there or too old."""
    installed = []
    monkeypatch.setattr(setup_env, 'pip', lambda python, title, *arguments: installed.append(arguments))
    versions = {'myst-parser': '4.0.1', 'furo': '2024.8.6', 'sphinx-copybutton': '0.5.2'}
    assert set(setup_env.wanted(('docs', ))) == {'sphinx', *versions}
    for sphinx, expected in ((None, 1), ('8.1.3', 2), ('8.2.3', 2)):
        state = dict(python=[3, 11], versions=dict(versions, sphinx=sphinx), operators=[])
        monkeypatch.setattr(setup_env, 'probe', lambda python, lists: state)  # noqa: B023
        setup_env.add(sys.executable, 'docs')
        assert installed == [('-r', 'requirements/docs.txt')] * expected


def test_a_stack_takes_the_place_of_the_other(set_up_for: Callable[[str], ModuleType]) -> None:
    """``STACK=onedl`` asks for the fork of all four, and for nothing of the four, in an environment of its own."""
    stock, fork = set_up_for('openmmlab'), set_up_for('onedl')
    assert set(stock.wanted()) - set(fork.wanted()) == set(stock.OPENMMLAB)
    added = set(fork.wanted()) - set(stock.wanted())
    assert {'onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection', 'onedl-mmsegmentation'} <= added
    assert not any(line.startswith(('onedl-mmdetection', 'imaug')) for line in fork.specifiers())
    assert {name for name in added if not any(line.startswith(name) for line in fork.specifiers())} == {
        'onedl-mmdetection', 'imaug'}
    assert set(fork.wanted(('docs', ))) == set(stock.wanted(('docs', )))
    assert fork.VENV_PYTHON.parts[-3] == '.venv-onedl' and stock.VENV_PYTHON.parts[-3] == '.venv'
    assert fork.STATE != stock.STATE


def test_an_unknown_stack_is_named(set_up_for: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'argv', ['setup_env.py'])
    setup = set_up_for('openmim')
    with pytest.raises(setup.StepError, match='STACK=openmim is not known; it is openmmlab or onedl'):
        setup.main()


def test_missing_compiler_is_named(setup_env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(setup_env.StepError, match='no C\\+\\+ compiler: `no-such-compiler` was not found.*apt install'):
        setup_env.check_machine(sys.executable)


def test_old_python_without_a_newer_one(setup_env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_env.shutil, 'which', lambda name: None)
    with pytest.raises(setup_env.StepError, match='needs Python 3.11 or newer: install it'):
        setup_env.restart_with_newer()


def test_wheel_without_operators_is_seen(load_tool: Callable, tmp_path: Path) -> None:
    has_operators = load_tool('setup_mmcv').has_operators
    for name, expected in (('mmcv/version.py', False), ('mmcv/_ext.cpython-311-x86_64-linux-gnu.so', True)):
        wheel = tmp_path / 'mmcv-2.1.0.whl'
        with zipfile.ZipFile(wheel, 'w') as file:
            file.writestr(name, '')
        assert has_operators(wheel) is expected


def test_progress_is_shown(load_tool: Callable, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    progress = load_tool('progress')
    notes = []

    def note(line: str) -> str:
        notes.append(line.strip())
        return f': {line.strip()}'

    progress.run([sys.executable, '-c', 'print("[41/77]")'], 'compiling', note, log_file=tmp_path / 'log.txt')
    assert notes == ['[41/77]']
    assert capsys.readouterr().err.startswith('compiling, ')
    assert progress.duration(80.4) == '1 min 20 s' and progress.duration(9) == '9 s'


def test_prints_only_the_path(setup_env: ModuleType, root: Path) -> None:
    """``make`` takes stdout for the path of the Python."""
    if setup_env.shortcomings(setup_env.probe(sys.executable)):
        pytest.skip('this Python lacks something, so that an environment would be set up')
    result = subprocess.run([sys.executable, root / 'tools' / 'setup_env.py'], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == sys.executable
