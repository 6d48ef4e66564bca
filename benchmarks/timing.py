"""Clocks of the benchmarks."""
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

import torch

from mmfusenas.utils.allocator import keep_freed_memory


@torch.inference_mode()
def seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the median time of a run, without the first."""
    times = []
    for _ in range(repeats + 1):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return median(times[1:])


def in_turns(runs: Mapping[str, tuple[Callable[[], object], bool]], repeats: int) -> dict[str, list[float]]:
    """Return the times of each run, in turns; with each comes whether freed memory is kept for it.

    The first run after a change of allocator is not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, (run, keep) in runs.items():
            keep_freed_memory(keep)
            run()
            start = perf_counter()
            run()
            times[name].append(perf_counter() - start)
    return times
