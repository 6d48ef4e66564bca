"""List of the problems of a data set, which raises it and which the check tool prints."""
from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mmengine.logging import print_log

from mmfusenas.core.errors import StateError

SHOWN = 5
"""Number of cases that an error message shows of each kind."""


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        level: ``'error'`` (the data set cannot be used as it is) or ``'warning'``.
        kind: Short name of the kind, by which the report is grouped.
        where: File, with the line or the number of the object.
        message: What was found, and what to do.
    """

    level: str
    kind: str
    where: str
    message: str


class DatasetError(StateError):
    """A data set that cannot be read as it is; the message shows the first cases and counts the rest."""


def group_problems(problems: Iterable[Problem]) -> dict[tuple[str, str], list[Problem]]:
    """Group by (level, kind): errors first, then in the order of their first case."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in sorted(problems, key=lambda problem: problem.level != 'error'):
        groups.setdefault((problem.level, problem.kind), []).append(problem)
    return groups


def raise_errors(problems: Iterable[Problem], name: str,
                 advice: str = 'tools/analysis_tools/check_dataset.py CONFIG lists every case.') -> None:
    """Raise a :class:`DatasetError` where there is an error among ``problems``.

    Args:
        problems: Of any level; warnings are passed over.
        name: What to call the data set.
        advice: Last line of the message.
    """
    parts = []
    for (level, kind), cases in group_problems(problems).items():
        if level == 'error':
            lines = [f'  {case.where}: {case.message}' for case in cases[:SHOWN]]
            rest = [f'  ... and {len(cases) - SHOWN} more'] if len(cases) > SHOWN else []
            parts.append('\n'.join([f'{kind} ({len(cases)}):', *lines, *rest]))
    if parts:
        raise DatasetError(
            f'{name} cannot be used as it is.\n' + '\n'.join(parts) + f'\n{advice}'
        )


def report(problems: Sequence[Problem], name: str) -> None:
    """Raise the errors among ``problems``; say once in the log that there are warnings.

    Args:
        problems: Of any level.
        name: What to call the data set.
    """
    raise_errors(problems, name)
    if problems:
        print_log(
            f'{name}: {len(problems)} boxes were clipped or left out. The first is {problems[0].where}: '
            f'{problems[0].message}. tools/analysis_tools/check_dataset.py lists them.', 'current', logging.WARNING)
