"""Weights that go by name: a record of each, and the files that come with the package."""
from __future__ import annotations

import json
import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path

from terminaltables import AsciiTable

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
        genotype: Name of its published genotype.
        parameters: Number of parameters.
        training_data: What it is trained on; empty where no weights have been trained.
        figures: Measured figures by name, ``{'SCD on MSRS test': 1.52}``.
        licence: Under which the weights may be used.
        train: Command that trains such weights.
    """

    name: str
    file: Path
    description: str
    genotype: str
    parameters: int
    training_data: str
    figures: dict[str, float]
    licence: str
    train: str

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
    records, name = weights_records(), _present_name(name)
    if name not in records:
        raise InputError(f'There are no weights named {name!r}{nearest(name, records)}. Names: {", ".join(records)}; '
                         'otherwise give a checkpoint file, or a config and a checkpoint.')
    record = records[name]
    if not record.bundled:
        raise FileError(f'The weights {name!r} are not bundled with this copy ({record.file} is absent). '
                        f'Train them: {record.train}, and give that config and its checkpoint.')
    return record.file


def checkpoint_file(name: str | Path) -> Path:
    """Return the file of the bundled weights of a name, or the file that it is."""
    return weights_file(str(name)) if str(name) in [*weights_records(), *RENAMED] else Path(name)


def _present_name(name: str) -> str:
    """Return the name that weights have now, with a warning where it is another."""
    if name in RENAMED:
        warnings.warn(f'The weights {name!r} are {RENAMED[name]!r} now, trained anew.', FutureWarning, stacklevel=3)
    return RENAMED.get(name, name)


def weights_table() -> str:
    """Return a table of all names with size, training data and measured figures, and how to train what is absent.

    The table is at most 120 columns wide; the commands below it are whole lines.
    """
    records = weights_records().values()
    rows = [['Name, network', 'Parameters', 'Trained on', 'Measured', 'Licence']]
    for record in records:
        size = f'{record.file.stat().st_size / 1e6:.1f} MB' if record.bundled else 'absent'
        figures = [f'{name}: {value}' for name, value in record.figures.items()]
        rows.append([
            _lines(record.name, record.description, width=30), _lines(f'{record.parameters:,}', size, width=10),
            _lines(record.training_data or '-', width=28), _lines(*figures or '-', width=24),
            _lines(record.licence, width=12)])
    table = AsciiTable(rows)
    table.inner_row_border = True
    absent = [f'  {record.name}: {record.train}' for record in records if not record.bundled]
    return '\n'.join([table.table, *['Train what is absent:'] * bool(absent), *absent])


def _lines(*texts: str, width: int) -> str:
    """Return texts below each other, each in lines of at most ``width`` characters."""
    return '\n'.join(line for text in texts for line in textwrap.wrap(text, width))
