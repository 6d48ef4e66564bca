"""Freed memory that the process keeps is not mapped anew."""
import platform
import resource

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
    try:
        assert keep_freed_memory()
        kept = faults_of_a_large_tensor()
    finally:
        assert keep_freed_memory(False)
    assert kept * 4 < faults_of_a_large_tensor()
