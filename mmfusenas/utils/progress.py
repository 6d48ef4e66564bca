"""Progress of long work: a bar on a terminal or in a notebook, plain lines in a log."""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TypeVar

from rich import get_console
from rich.progress import Progress

Item = TypeVar('Item')

INTERVAL = 30.0
"""Seconds between the lines of a log."""


def shown(items: Iterable[Item], title: str, total: int, unit: str = 'images',
          size: Callable[[Item], int] = lambda item: 1) -> Iterator[Item]:
    """Give the items and show how much is done; where the output is no terminal, by lines on standard error.

    Args:
        items: What is worked on, one after the other.
        title: What is done with them.
        total: How much there is.
        unit: What is counted.
        size: How much an item is. Defaults to 1 each.

    Example:
        >>> sum(shown(range(4), 'adding', total=4))  # and a line such as `adding: 4 of 4 images, 0 s`
        6
    """
    console = get_console()
    if console.is_terminal or console.is_jupyter:
        with Progress(*Progress.get_default_columns()) as bar:
            task = bar.add_task(title, total=total)
            for item in items:
                yield item
                bar.advance(task, size(item))
        return
    start = said = monotonic()
    done = 0
    for item in items:
        yield item
        done += size(item)
        if done == total or monotonic() - said >= INTERVAL:
            said = monotonic()
            minutes, seconds = divmod(int(said - start), 60)
            elapsed = f'{minutes} min {seconds} s' if minutes else f'{seconds} s'
            print(f'{title}: {done} of {total} {unit}, {elapsed}', file=sys.stderr, flush=True)
