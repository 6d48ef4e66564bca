"""The memory of this process, and what it can still get: of its GPU, or of the machine."""
from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

# Of a control group, in version 2 and in version 1: its limit, its use, and what of this the kernel gives back.
_GROUP_FILES = (('memory.max', 'memory.current', 'inactive_file'),
                ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'))


def used(device: torch.device) -> int:
    """Return the bytes in use: by tensors on a GPU, by the process on a CPU; 0 where the system does not say."""
    return torch.cuda.memory_allocated(device) if device.type == 'cuda' else _kilobytes('/proc/self/status', 'VmRSS')


def peak(device: torch.device) -> int:
    """Return the most bytes in use since :func:`reset_peak`; 0 where the system does not say."""
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device)
    return _kilobytes('/proc/self/status', 'VmHWM')


def reset_peak(device: torch.device) -> None:
    """Let the peak begin at what is in use now."""
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path('/proc/self/clear_refs').write_text('5')  # proc(5): resets VmHWM
    except OSError:
        pass  # then it is that of the whole process: at least the one that is asked for


def empty_cache(device: torch.device) -> None:
    """Return to the GPU, or to the machine, what is kept for later tensors."""
    if device.type == 'cuda':
        torch.cuda.empty_cache()
    elif platform.libc_ver()[0] == 'glibc':
        ctypes.CDLL(None).malloc_trim(0)


def available(device: torch.device) -> int:
    """Return the bytes that are to be had; as many as there can be where the system does not say.

    On a CPU these are the machine's, within the limits of the process's control groups (a container, a batch job).
    """
    if device.type == 'cuda':
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept
    return min([_kilobytes('/proc/meminfo', 'MemAvailable') or sys.maxsize, *left_in_groups()])


def left_in_groups(root: str | Path = '/sys/fs/cgroup', membership: str | Path = '/proc/self/cgroup') -> Iterator[int]:
    """Yield what the limits of the process's control groups leave, its own and those around it.

    Args:
        root: Where the control groups are mounted.
        membership: File with a line ``ID:CONTROLLERS:GROUP`` for each group that the process is in.
    """
    for line in _text(membership).splitlines():
        _, controllers, group = line.split(':', 2)
        if controllers and 'memory' not in controllers.split(','):
            continue
        base = Path(root, 'memory' if controllers else '')
        own = base / group.strip('/')
        for folder in (own, *own.parents):
            for limit, use, returned in _GROUP_FILES:
                most, now = (_text(folder / name).strip() for name in (limit, use))
                if most.isdecimal() and now.isdecimal():  # the limit can be 'max'
                    yield int(most) - int(now) + _number(folder / 'memory.stat', returned)
            if folder == base:
                break


def _kilobytes(path: str, name: str) -> int:
    return 1024 * _number(path, f'{name}:')


def _number(path: str | Path, name: str) -> int:
    """Return the number behind a name in a file of such lines, 0 where there is none."""
    lines = (line.split() for line in _text(path).splitlines())
    return next((int(words[1]) for words in lines if words[0] == name), 0)


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ''
