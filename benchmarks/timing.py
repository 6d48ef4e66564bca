"""Clocks of the benchmarks."""
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

import torch

from mmfusenas.utils.allocator import keep_freed_memory


def now() -> float:
    """Return the time in seconds, with the work of a GPU done where there is one."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return perf_counter()


@torch.inference_mode()
def seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the median time of a run, without the first."""
    return median(interleaved(dict(run=run), repeats)['run'])


def interleaved(runs: Mapping[str, Callable[[], object]], repeats: int,
             prepare: Callable[[str], object] | None = None) -> dict[str, list[float]]:
    """Return the times of each run, in turns after a first round that does not count.

    Args:
        runs: Runs by name.
        repeats: Times of each.
        prepare: Called with the name before each run, not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            if prepare:
                prepare(name)
            start = now()
            run()
            times[name] += [now() - start] if turn else []
    return times


def by_allocator(runs: Mapping[str, tuple[Callable[[], object], bool]], repeats: int) -> dict[str, list[float]]:
    """Return the times of each run, in turns; with each comes whether freed memory is kept for it."""

    def prepare(name: str) -> None:
        run, keep = runs[name]
        keep_freed_memory(keep)
        run()  # the first run after a change of allocator pays for it

    return interleaved({name: run for name, (run, _) in runs.items()}, repeats, prepare)
