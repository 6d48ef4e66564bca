"""A tool restarts itself with the allocator's settings, once, where they help."""
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from mmfusenas.utils import allocator
from mmfusenas.utils.allocator import SETTINGS, missing_settings


def test_only_where_they_help() -> None:
    assert missing_settings({}, 'glibc', has_gpu=False) == SETTINGS
    assert missing_settings({}, 'musl', has_gpu=False) == {}
    assert missing_settings({}, 'glibc', has_gpu=True) == {}
    for name in SETTINGS:
        assert missing_settings({name: '5'}, 'glibc', has_gpu=False) == {}, name


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The restarts that were asked for, of a process with glibc; none takes place."""
    calls: list[tuple] = []
    monkeypatch.setattr(os, 'execve', lambda *call: calls.append(call))
    monkeypatch.setattr(allocator.platform, 'libc_ver', lambda: ('glibc', '2.36'))
    monkeypatch.setattr(sys, 'orig_argv', ['python', '-O', 'tool.py', 'a b'])
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.mark.parametrize('device, visible, restarted', [
    (True, None, False), (True, '0', False), (True, '', True), (True, '-1', True), (False, None, True)])
def test_restart_on_a_cpu_alone(restarts: list[tuple], monkeypatch: pytest.MonkeyPatch, device: bool,
                                visible: str | None, restarted: bool) -> None:
    monkeypatch.setattr(os.path, 'exists', lambda path: path == '/dev/nvidiactl' and device)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    environment = dict(os.environ)
    allocator.restart_with_fast_allocator()
    whole = (sys.executable, [sys.executable, '-O', 'tool.py', 'a b'], {**environment, **SETTINGS})
    assert restarts == [whole] * restarted


def test_a_restarted_process_does_not_restart(restarts: list[tuple], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, 'exists', lambda path: False)
    allocator.restart_with_fast_allocator()
    (_, _, environment), = restarts
    monkeypatch.setattr(os, 'environ', environment)
    allocator.restart_with_fast_allocator()
    assert len(restarts) == 1


@pytest.mark.skipif(sys.platform != 'linux', reason='the settings are those of glibc')
def test_restart_keeps_process_and_arguments() -> None:
    code = ('import os, sys; print(os.getpid(), flush=True)\n'
            'from mmfusenas.utils.allocator import restart_with_fast_allocator\n'
            'restart_with_fast_allocator(); print(sys.argv[1:], os.environ["MALLOC_TOP_PAD_"], "torch" in sys.modules)')
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment['CUDA_VISIBLE_DEVICES'] = ''
    result = subprocess.run([sys.executable, '-c', code, 'a b'], env=environment, capture_output=True, text=True)
    first, second, last = result.stdout.splitlines()
    assert first == second
    assert last == f"['a b'] {SETTINGS['MALLOC_TOP_PAD_']} False"


def test_freed_memory_is_kept_by_the_numbers_of_malloc_h(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    libc = SimpleNamespace(
        mallopt=lambda *call: calls.append(call) or 1, malloc_trim=lambda pad: calls.append((0, pad)))
    monkeypatch.setattr(allocator.platform, 'libc_ver', lambda: ('glibc', '2.36'))
    monkeypatch.setattr(allocator.ctypes, 'CDLL', lambda name: libc)
    # M_TRIM_THRESHOLD -1, M_TOP_PAD -2, M_MMAP_THRESHOLD -3, M_MMAP_MAX -4; 0 stands for malloc_trim here.
    assert allocator.keep_freed_memory()
    assert dict(calls) == {-4: 0, -1: 2**31 - 1, -2: 256 << 20}
    calls.clear()
    assert allocator.keep_freed_memory(False)
    assert dict(calls) == {-4: 65536, -2: 128 << 10, -1: 64 << 20, -3: 32 << 20, 0: 0}
    calls.clear()
    assert allocator.return_freed_memory()
    assert dict(calls) == {-4: 65536, -2: 128 << 10, -1: 1 << 20, -3: 1 << 20, 0: 0}
