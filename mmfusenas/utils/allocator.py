"""Settings of the C library's memory allocator, and of OpenMP, that make training on a CPU faster.

With glibc's defaults a tensor above 32 MB is mapped anew from the system, and zeroed page by page, at every step: an
iteration gets up to four times slower when the batch doubles. The settings below keep freed memory instead. OpenMP's
threads wait in a loop between two operations, which takes cores from the processes that load data and from another
training beside it; below they sleep. Both are read when a process starts, so a tool restarts itself with the settings,
before it imports torch.
"""
from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Mapping

SETTINGS = {
    'MALLOC_MMAP_MAX_': '0',  # take large blocks from the heap ...
    'MALLOC_TRIM_THRESHOLD_': '16000000000',  # ... and keep up to 16 GB of it after use
    'MALLOC_TOP_PAD_': '268435456',  # grow it by 256 MB at a time
    'GLIBC_TUNABLES': 'glibc.malloc.hugetlb=1',  # let the kernel back it by huge pages
    'OMP_WAIT_POLICY': 'PASSIVE',
}


def missing_settings(environment: Mapping[str, str], libc: str, has_gpu: bool) -> dict[str, str]:
    """Return the settings to add to ``environment``; none where they would not help, or where any is set already.

    Args:
        environment: Environment variables of the process.
        libc: Name of the C library.
        has_gpu: Whether the work runs on a GPU.

    Example:
        >>> sorted(missing_settings({}, 'glibc', has_gpu=False))[0]
        'GLIBC_TUNABLES'
        >>> missing_settings({'MALLOC_TOP_PAD_': '0'}, 'glibc', has_gpu=False)
        {}
    """
    if libc != 'glibc' or has_gpu or any(name in environment for name in SETTINGS):
        return {}
    return dict(SETTINGS)


def restart_with_fast_allocator() -> None:
    """Start this process again (same process id, same arguments) with the settings, where they help and are not set.

    Call it first thing in a tool that computes for long on a CPU.
    """
    has_gpu = os.path.exists('/dev/nvidiactl') and os.environ.get('CUDA_VISIBLE_DEVICES') not in ('', '-1')
    settings = missing_settings(os.environ, platform.libc_ver()[0], has_gpu)
    if settings:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **settings})


def keep_freed_memory(keep: bool = True) -> bool:
    """Let this running process keep freed memory for its next tensors, or go back to the C library's defaults.

    The part of the settings above that can be changed without a restart (huge pages cannot): what inference from
    Python needs. It holds for the whole process, whose size stays at its peak. The call does nothing without glibc.

    Args:
        keep: Keep freed memory; False gives what is free back to the system and restores the defaults.

    Returns:
        Whether the C library took the settings.

    Example:
        >>> keep_freed_memory() == (platform.libc_ver()[0] == 'glibc')
        True
        >>> _ = keep_freed_memory(False)  # and back
    """
    # By the numbers of malloc.h: M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD. mallopt takes an int.
    if keep:
        return _set_options({-4: 0, -1: 2**31 - 1, -2: 2**28})
    # The last two as glibc itself sets them once a large block was freed.
    return _set_options({-4: 65536, -2: 2**17, -1: 2**26, -3: 2**25}, trim=True)


def limit_kernel_cache() -> None:
    """Let oneDNN keep the kernels of 64 layers, unless the environment says otherwise.

    A kernel is of one size of image: over images of many sizes its own limit, 1024, is hundreds of megabytes that are
    never used again. oneDNN reads the limit at the first layer that it computes in this process; later calls change
    nothing.

    Example:
        >>> limit_kernel_cache()
        >>> 'ONEDNN_PRIMITIVE_CACHE_CAPACITY' in os.environ
        True
    """
    os.environ.setdefault('ONEDNN_PRIMITIVE_CACHE_CAPACITY', '64')


def return_freed_memory() -> bool:
    """Let this running process give the memory of every tensor above 1 MB back when it is freed.

    For the smallest peak, at the cost of time: what is free between two tensors in use is not lost to a third.

    Returns:
        Whether the C library took the settings.

    Example:
        >>> return_freed_memory() == (platform.libc_ver()[0] == 'glibc')
        True
        >>> _ = keep_freed_memory(False)
    """
    return _set_options({-4: 65536, -2: 2**17, -1: 2**20, -3: 2**20}, trim=True)


def _set_options(options: Mapping[int, int], trim: bool = False) -> bool:
    """Set options of malloc; return whether all were taken, without glibc False."""
    if platform.libc_ver()[0] != 'glibc':
        return False
    libc = ctypes.CDLL(None)
    taken = [libc.mallopt(name, value) for name, value in options.items()]
    if trim:
        libc.malloc_trim(0)
    return all(taken)
