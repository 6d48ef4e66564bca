"""A tool restarts itself with the allocator's settings, once, where they help."""
import os
import subprocess
import sys

import pytest

from mmfusenas.utils.allocator import SETTINGS, missing_settings


def test_only_where_they_help() -> None:
    assert missing_settings({}, 'glibc', has_gpu=False) == SETTINGS
    assert missing_settings({}, 'musl', has_gpu=False) == {}
    assert missing_settings({}, 'glibc', has_gpu=True) == {}
    assert missing_settings({'MALLOC_MMAP_MAX_': '5'}, 'glibc', has_gpu=False) == {}


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
