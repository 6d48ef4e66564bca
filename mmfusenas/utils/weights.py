"""Weights that go by name: a record of each, and the files that come with the package."""
from __future__ import annotations

import json
import textwrap
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.names import nearest

WEIGHTS_DIR = Path(__file__).parent.parent / 'weights'
"""Folder of the bundled weights: ``tim-light`` is ``tim-light.pth`` here, and an entry of ``records.json``."""


RENAMED = {'ruas-lol': 'ruas-lowlight'}
"""Names of before, for one release."""


@dataclass(frozen=True)
class WeightsRecord:
    """What is known of one set of weights.

    Args:
        name: Name by which it is loaded.
        file: The weights: a checkpoint that rebuilds its model by itself. It may be absent.
        description: What the network is.
        purpose: What it is for, in a few words.
        inputs: Options of ``tools/infer.py`` that give it its images: ``['visible', 'infrared']``.
        genotype: Name of its published genotype.
        parameters: Number of parameters.
        training_data: What it is trained on; empty where no weights have been trained.
        main_figure: That of ``figures`` which a line of the table has, in a few words.
        figures: Measured figures by name, ``{'SCD on MSRS test': 1.52}``.
        licence: Under which the weights may be used.
        train: Command that trains such weights.
        alone: Of what takes a pair, the names of weights for one sensor by itself, ``dict(visible=NAME)``, which take
            over where the other sensor fails.
    """

    name: str
    file: Path
    description: str
    purpose: str
    inputs: list[str]
    genotype: str
    parameters: int
    training_data: str
    main_figure: str
    figures: dict[str, float]
    licence: str
    train: str
    alone: dict[str, str] = field(default_factory=dict)

    @property
    def bundled(self) -> bool:
        """Whether the file is there."""
        return self.file.is_file()


def weights_records() -> dict[str, WeightsRecord]:
    """Return the records of ``WEIGHTS_DIR`` by name, also of weights whose file is absent.

    Example:
        >>> weights_records()['tim-light'].parameters
        127358
    """
    records = json.loads((WEIGHTS_DIR / 'records.json').read_text())
    return {name: WeightsRecord(name, WEIGHTS_DIR / f'{name}.pth', **record) for name, record in records.items()}


def weights_file(name: str) -> Path:
    """Return the file of the weights ``name``.

    Raises:
        ValueError: If there is no such name; the message has the nearest one.
        FileNotFoundError: If its weights are not bundled; the message has the command that trains them.
    """
    record = known_record(name)
    if not record.bundled:
        raise FileError(f'The weights {record.name!r} are not bundled with this copy ({record.file} is absent). '
                        f'Train them: {record.train}, and give that config and its checkpoint.')
    return record.file


def known_record(name: str) -> WeightsRecord:
    """Return the record of a name, also of weights whose file is absent.

    Raises:
        ValueError: If there is no such name; the message has the nearest one.
    """
    records, name = weights_records(), _present_name(name)
    if name not in records:
        raise InputError(f'There are no weights named {name!r}{nearest(name, records)}. Names: {", ".join(records)}; '
                         'otherwise give a checkpoint file, or a config and a checkpoint.')
    return records[name]


def checkpoint_file(name: str | Path) -> Path:
    """Return the file of the bundled weights of a name, or the file that it is."""
    return weights_file(str(name)) if str(name) in [*weights_records(), *RENAMED] else Path(name)


def _present_name(name: str) -> str:
    """Return the name that weights have now, with a warning where it is another."""
    if name in RENAMED:
        warnings.warn(f'The weights {name!r} are {RENAMED[name]!r} now, trained anew.', FutureWarning, stacklevel=4)
    return RENAMED.get(name, name)


def weights_table() -> str:
    """Return a table of all names: what it is for, parameters, main figure; below each its inputs and training data.

    Its lines have at most 120 columns. How to train what is absent stands below it, in whole lines.

    Example:
        >>> print(weights_table().splitlines()[2])
        tim-light             fusion, small network               127,358  VIF 0.918 on TNO
    """
    records = weights_records().values()
    rows = [('name', 'for', 'parameters', 'main figure (what it is compared with)')]
    rows += [(record.name, record.purpose, f'{record.parameters:,}', record.main_figure if record.bundled else 'absent')
             for record in records]
    widths = [max(map(len, column)) for column in zip(*rows)]
    form = '{{:<{}}}  {{:<{}}}  {{:>{}}}  {{}}'.format(*widths)
    head, *lines = (form.format(*row) for row in rows)
    lines = [f'{line}\n{_source(record)}' for line, record in zip(lines, records, strict=True)]
    absent = [f'  {record.name}: {record.train}' for record in records if not record.bundled]
    return '\n'.join([head, form.format(*('-' * width for width in widths)), *lines,
                      *['Train what is absent:'] * bool(absent), *absent])


def _source(record: WeightsRecord) -> str:
    """Return what a network takes and was trained on, in indented lines of at most 120 columns."""
    text = f'{", ".join(record.inputs)}; trained on {record.training_data or "-"}'
    return textwrap.fill(text, 118, initial_indent='    ', subsequent_indent='    ', break_on_hyphens=False)


def weights_details(name: str) -> str:
    """Return all that the record of a name says, in lines of at most 120 columns; commands are whole lines.

    Raises:
        ValueError: If there is no such name; the message has the nearest one.
    """
    record = known_record(name)
    size = f'{record.file.stat().st_size / 1e6:.2f} MB' if record.bundled else 'absent'
    figures = [f'{key}: {value}' for key, value in record.figures.items()]
    figures += [f'with --missing fallback, of {sensor} alone: {other}' for sensor, other in record.alone.items()]
    about = [record.description, f'inputs: {", ".join(record.inputs)}', f'parameters: {record.parameters:,}, {size}',
             f'trained on: {record.training_data or "-"}', *figures, f'licence: {record.licence}']
    lines = [line for text in about
             for line in textwrap.wrap(text, 118, subsequent_indent='  ', break_on_hyphens=False)]
    return '\n  '.join([record.name, *lines, f'train such weights: {record.train}'])
