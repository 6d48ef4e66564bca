"""What a comparison of fusion methods knows of each, and the file that keeps it."""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os import PathLike
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from mmfusenas.core.errors import InputError
from mmfusenas.core.files import parse_json
from mmfusenas.evaluation.spread import Score, jackknife
from mmfusenas.utils.weights import weights_records


@dataclass
class Row:
    """What is known of the images of one method.

    Attributes:
        metrics: Fusion metrics by convention and name, a value a pair.
        seconds: To fuse a pair; none of images that were fused before.
        judged: What a detector or segmentor found in the images, by the name of the score.
    """

    metrics: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    judged: dict[str, Score] = field(default_factory=dict)

    @property
    def milliseconds(self) -> float | None:
        """The median of the time of a pair; None of images that were fused before."""
        return 1000 * median(self.seconds) if self.seconds else None

    def means(self) -> dict[tuple[str, str], Score]:
        """Return the means over the pairs."""
        return {key: jackknife(np.mean, values) for key, values in self.metrics.items()}


def to_content(row: Row, stems: Sequence[str]) -> dict[str, Any]:
    """Return a row as JSON takes it; ``stems`` are those of the pairs."""
    content: dict[str, Any] = {}
    for (convention, key), score in row.means().items():
        content.setdefault(convention, {})[key] = dict(value=score.value, standard_error=score.error)
    for head, score in row.judged.items():
        content[head] = dict(value=score.value, standard_error=score.error, without=score.without.tolist())
    per_image: dict[str, dict] = {stem: {} for stem in stems}
    for (convention, key), values in row.metrics.items():
        for stem, value in zip(stems, values, strict=True):
            per_image[stem].setdefault(convention, {})[key] = value
    return dict(content, milliseconds=row.milliseconds, per_image=per_image)


def from_content(content: Mapping[str, Any]) -> Row:
    """Return the row that :func:`to_content` made JSON of; what JSON has no number for is NaN."""
    def number(value: float | None) -> float:
        return float('nan') if value is None else float(value)

    row = Row(seconds=[] if content['milliseconds'] is None else [content['milliseconds'] / 1000])
    for image in content['per_image'].values():
        for convention, values in image.items():
            for key, value in values.items():
                row.metrics.setdefault((convention, key), []).append(number(value))
    row.judged = {head: Score(number(score['value']), np.array([number(value) for value in score['without']]))
                  for head, score in content.items() if isinstance(score, dict) and 'without' in score}
    return row


def fingerprint(files: Iterable[str | PathLike]) -> str:
    """Return a text that is another one where files, or those in folders, are others or were written anew."""
    paths = [Path(file).resolve() for file in files]
    paths += [inner for path in paths if path.is_dir() for inner in sorted(path.iterdir())]
    stats = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in paths if path.is_file()]
    return sha256(json.dumps(stats).encode()).hexdigest()[:16]


def fingerprint_of_words(text: str) -> str:
    """Return the fingerprint of what the words of a method or task name: bundled weights, files and folders.

    Of an ONNX file that of the weights beside it too (``NAME.onnx.data``).
    """
    records = weights_records()
    files = [Path(records[word].file if word in records else word) for word in text.split(':')]
    beside = [other for file in files if file.suffix == '.onnx' for other in sorted(file.parent.glob(f'{file.name}?*'))]
    return fingerprint([*files, *beside])


def kept_rows(file: str | Path, asked: Mapping[str, Any], methods: Mapping[str, str]) -> dict[str, Row]:
    """Return the rows that an earlier comparison left in a file, none where there is no file.

    Args:
        file: JSON, with what was ``asked``, and ``methods`` with the ``fingerprint`` of each.
        asked: What makes other figures of the same methods.
        methods: Fingerprints by the names of the methods that are asked for.

    Raises:
        ValueError: The file is none of a comparison, or its rows are of other data, metrics or methods.
    """
    if not Path(file).exists():
        return {}
    content = parse_json(Path(file).read_bytes(), str(file))
    advice = 'Give another file, or leave --resume out to write over it.'
    try:
        before, rows = dict(content['asked']), {name: from_content(row) for name, row in content['methods'].items()}
        fingerprints = {name: row['fingerprint'] for name, row in content['methods'].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f'{file} is no comparison to go on with ({type(error).__name__}: {error}). {advice}'
                         ) from error
    now = json.loads(json.dumps(asked))  # tuples as lists
    for what in now:
        if before.get(what) != now[what]:
            found = (f'{what} are other files, or were written since' if what in ('pairs', 'annotations') else
                     f'{what} was {before.get(what)} and is {now[what]}')
            raise InputError(f'{file} is of another comparison: {found}. {advice}')
    for name in rows:
        if name not in methods:
            raise InputError(f'{file} has the method {name} too: name it among --methods. {advice}')
        if fingerprints[name] != methods[name]:
            raise InputError(f'{file} has the method {name} of other files, or of files that were written since. '
                             f'{advice}')
    return rows
