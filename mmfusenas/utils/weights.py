"""Weights that go by name: a record of each, and the files that come with the package."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from terminaltables import AsciiTable

from mmfusenas.nas.names import nearest

WEIGHTS_DIR = Path(__file__).parent.parent / 'weights'
"""Folder of the bundled weights: ``tim-light`` is ``tim-light.pth`` here, and an entry of ``records.json``."""


@dataclass(frozen=True)
class WeightsRecord:
    """What is known of one set of weights.

    Args:
        name: Name by which it is loaded.
        file: The weights: a checkpoint that rebuilds its model by itself. It may be absent.
        description: What the network is.
        genotype: Name of its published genotype.
        parameters: Number of parameters.
        training_data: What it was trained on; empty where no weights are bundled.
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
    records = weights_records()
    if name not in records:
        raise ValueError(f'There are no weights named {name!r}{nearest(name, records)}. Names: {", ".join(records)}; '
                         'otherwise give a checkpoint file, or a config and a checkpoint.')
    record = records[name]
    if not record.bundled:
        raise FileNotFoundError(f'The weights {name!r} are not bundled with this copy ({record.file} is absent). '
                                f'Train them: {record.train}, and give that config and its checkpoint.')
    return record.file


def checkpoint_file(name: str | Path) -> Path:
    """Return the file of the bundled weights of a name, or the file that it is."""
    return weights_file(str(name)) if str(name) in weights_records() else Path(name)


def weights_table() -> str:
    """Return a table of all names with size, training data and measured figures, to be printed."""
    rows = [['Name', 'Parameters', 'Trained on', 'Measured', 'Licence', 'Weights']]
    for record in weights_records().values():
        figures = '\n'.join(f'{name} {value}' for name, value in record.figures.items())
        size = f'absent; train them:\n{record.train}'
        if record.bundled:
            size = f'{record.file.stat().st_size / 1e6:.1f} MB'
        rows.append([record.name, f'{record.parameters:,}', record.training_data or '-', figures or '-',
                     record.licence, size])
    table = AsciiTable(rows)
    table.inner_row_border = True
    return table.table
