"""Freed memory that the process keeps is not mapped anew. Run as a script, this file prints what it measures."""
import platform
import resource
import subprocess
import sys

import pytest
import torch

from mmfusenas.utils.allocator import keep_freed_memory


def faults_of_a_large_tensor() -> int:
    torch.ones(16_000_000)  # 64 MB: above every threshold of glibc's own
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='the C library is not glibc')
def test_large_tensors_reuse_memory_until_told_otherwise():
    # In a process of its own: what other tests left on the heap decides whether its end can be given back.
    out = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True).stdout
    kept, given_back = map(int, out.split())
    assert kept * 4 < given_back


if __name__ == '__main__':
    assert keep_freed_memory()
    kept = faults_of_a_large_tensor()
    assert keep_freed_memory(False)
    print(kept, faults_of_a_large_tensor())
