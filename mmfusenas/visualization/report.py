"""A search or a training as one page of HTML that needs no other file."""
from __future__ import annotations

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mmfusenas.core.errors import UserError

STYLE = """body {font: 15px/1.5 sans-serif; max-width: 1200px; margin: 2em auto; padding: 0 1em; color: #222}
img {max-width: 100%} table {border-collapse: collapse} th, td {text-align: left; padding: .2em 1em .2em 0;
border-bottom: 1px solid #ddd} pre {background: #f4f4f4; padding: .8em; overflow-x: auto}"""
PLACE, TIMES = ('epoch', 'iter'), ('time', 'data_time')
"""What is no curve: where a line of an iteration is from, and how long a validation took."""
_LAST_STEP = re.compile(r'(.+)_(\d+)')


def page(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """Return a page of HTML.

    Args:
        title: Its title, as text.
        sections: Heading as text and content as HTML, of each.

    Example:
        >>> '<h2>a &lt; b</h2>' in page('search', [('a < b', table(['x'], [[1]]))])
        True
    """
    body = '\n'.join(f'<section><h2>{escape(heading)}</h2>\n{content}</section>' for heading, content in sections)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
            f'<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n')


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as HTML; every cell is text."""
    lines = [''.join(f'<th>{escape(name)}</th>' for name in head)]
    lines += [''.join(f'<td>{escape(str(cell))}</td>' for cell in row) for row in rows]
    return '<table>' + '\n'.join(f'<tr>{line}</tr>' for line in lines) + '</table>\n'


def embedded(image: Path, caption: str = '') -> str:
    """Return a PNG file as HTML that holds it, with its name and a caption below, which is text."""
    source = base64.b64encode(image.read_bytes()).decode()
    text = f'<b>{escape(image.stem)}</b>' + (f': {escape(caption)}' if caption else '')
    return (f'<figure><img alt="{escape(image.stem)}" src="data:image/png;base64,{source}">'
            f'<figcaption>{text}</figcaption></figure>\n')


def read_scalars(work_dir: Path, validation: bool = False) -> dict[str, list[tuple[int, float]]]:
    """Return what a training logged, as (step, value) by name, over all its starts; of a step the last one counts.

    Args:
        work_dir: Of the training.
        validation: Whether to read the scores of its validations, by epoch, in the place of what it logged of its
            iterations. Defaults to False.

    Raises:
        UserError: A log is damaged.
    """
    curves: dict[str, dict[int, float]] = defaultdict(dict)
    for file in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            try:
                values = json.loads(line)
                step = int(values.pop('step'))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UserError(f'{file}, line {number} is no line of a log ({error}); remove it.') from error
            if ('iter' not in values) != validation:
                continue
            for name, value in values.items():
                if name not in (TIMES if validation else PLACE) and isinstance(value, (int, float)):
                    curves[name][step] = value
    return {name: sorted(points.items()) for name, points in curves.items()}


def last_images(work_dir: Path) -> list[Path]:
    """Return the images that a training drew of its validation samples, of each the last one."""
    found: dict[str, tuple[int, Path]] = {}
    for file in sorted(work_dir.glob('*/vis_data/vis_image/*.png')):
        parts = _LAST_STEP.fullmatch(file.stem)
        if parts and int(parts[2]) >= found.get(parts[1], (-1, file))[0]:
            found[parts[1]] = int(parts[2]), file
    return [file for _, (_, file) in sorted(found.items())]
