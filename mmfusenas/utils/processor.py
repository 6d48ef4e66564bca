"""Instructions of the processor."""
from __future__ import annotations

from pathlib import Path


def computes_in_bfloat16(processor: str | Path = '/proc/cpuinfo') -> bool | None:
    """Return whether the processor multiplies in bfloat16 (AVX-512, AMX, ARM); None where the system does not say.

    Args:
        processor: File in which the kernel of Linux lists the instructions.

    Example:
        >>> computes_in_bfloat16('no such file') is None
        True
    """
    try:
        instructions = set(Path(processor).read_text().split())
    except OSError:
        return None
    return not instructions.isdisjoint(('avx512_bf16', 'amx_bf16', 'bf16'))
