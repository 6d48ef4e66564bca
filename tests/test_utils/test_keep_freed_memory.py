"""Freed memory that the process keeps is not mapped anew."""
import json
import os
import platform
import subprocess
import sys

import pytest

from mmfusenas.utils.allocator import SETTINGS, limit_kernel_cache

# A process of its own: what other tests left free in the heap is reused whatever the settings.
SCRIPT = """
import json, resource
from mmfusenas.utils.allocator import keep_freed_memory

def faults():
    b'x' * 64_000_000  # above every threshold of glibc's own
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b'y' * 64_000_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

default = faults()
taken = keep_freed_memory()
kept = faults()
print(json.dumps([default, taken, kept, keep_freed_memory(False), faults()]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='the C library is not glibc')
def test_large_blocks_reuse_memory_until_told_otherwise(root):
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    command = [sys.executable, '-c', SCRIPT]
    done = subprocess.run(command, cwd=root, env=plain, capture_output=True, text=True, check=True)
    default, taken, kept, restored, after = json.loads(done.stdout)
    assert taken and restored
    assert kept * 4 < min(default, after)


def test_kernels_are_kept_for_few_layers_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.setenv('ONEDNN_PRIMITIVE_CACHE_CAPACITY', '7')
    limit_kernel_cache()
    assert os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY'] == '7'
    monkeypatch.delenv('ONEDNN_PRIMITIVE_CACHE_CAPACITY')
    limit_kernel_cache()
    assert os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY'] == '64'
