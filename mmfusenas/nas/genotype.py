"""Genotypes: what a search produces and a config consumes."""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.files import parse_json, write_text
from mmfusenas.core.names import nearest

PUBLISHED_DIR = Path(__file__).parent.parent / 'genotypes'
"""Folder of the genotypes that go by name: ``tim-light`` is ``tim-light.json`` here."""

FORMAT = 1


def published_genotypes() -> list[str]:
    """Return the names of the genotypes that ship with the package."""
    return sorted(path.stem for path in PUBLISHED_DIR.glob('*.json'))


@dataclass(frozen=True)
class Genotype:
    """The decisions that make one network out of a search space. Plain data, written as JSON.

    Args:
        choices: Chosen candidate by choice name, in the order of the space. Choices inside a candidate that was not
            chosen are left out.
        space: Class of the searched module, to be read by people.
        space_hash: Hash of the space's choice and candidate names (``SearchSpace.hash``). Another hash is another
            space. Empty in a genotype written by hand: then the names alone are checked.
        costs: ``parameters``, ``macs`` and ``latency_ms`` of the derived network; None where not measured.
        source: Where it comes from: config, epoch, seed, or a publication.
        weights: Weights of the terms of every :class:`LossWeights`, by its name: a loss that was searched.
        parts: Searchable modules inside the searched model, by module path, with their own ``space`` and
            ``space_hash``: ``part('task.neck')`` is then a genotype of that module alone.

    Example:
        >>> genotype = Genotype(choices={'cells.0.type': 'successive'}, space='TIMFusion')
        >>> Genotype.from_dict(genotype.to_dict()) == genotype
        True
    """

    choices: dict[str, str] = field(default_factory=dict)
    space: str = ''
    space_hash: str = ''
    costs: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    parts: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the genotype as plain data, ready for JSON."""
        return dict(format=FORMAT, **asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = 'a genotype') -> Genotype:
        """Build a genotype from plain data.

        Raises:
            ValueError: If a field is unknown or missing, or the format is newer than this package.
        """
        if not isinstance(data, Mapping):
            raise InputError(f'{where} is not a genotype: it holds a {type(data).__name__} where fields are expected.')
        fields = dict(data)
        version = fields.pop('format', FORMAT)
        if type(version) is not int or version != FORMAT:
            raise InputError(f'{where} has format {version!r}; this version of mmfusenas reads format {FORMAT}.')
        unknown = set(fields) - set(cls.__dataclass_fields__)
        if unknown or not isinstance(fields.get('choices', fields.get('weights')), Mapping):
            problem = f'unknown fields {sorted(unknown)}' if unknown else "no 'choices': {name: candidate}"
            raise InputError(f'{where} is not a genotype: {problem}. Fields are {list(cls.__dataclass_fields__)}.')
        for name, value in fields.items():
            wanted = str if name in ('space', 'space_hash') else Mapping
            if not isinstance(value, wanted):
                form = 'text' if wanted is str else 'a dict'
                raise InputError(f'{where} is not a genotype: {name} is {value!r}; it has to be {form}.')
        for name, terms in fields.get('weights', {}).items():
            if not isinstance(terms, Mapping) or not all(_is_weight(value) for value in terms.values()):
                raise InputError(f'{where}: the weights {name!r} are {terms!r}; give {{term: number}}.')
        for name, part in fields.get('parts', {}).items():
            if not isinstance(part, Mapping) or set(part) != {'space', 'space_hash'} or not all(
                    isinstance(value, str) for value in part.values()):
                raise InputError(f'{where}: the part {name!r} is {part!r}; give its space and space_hash.')
        for name, candidate in fields.get('choices', {}).items():
            if not isinstance(candidate, str):
                raise InputError(f'{where}: choice {name!r} is {candidate!r}; a candidate is a name, such as "rb_3".')
        return cls(**{key: dict(value) if isinstance(value, Mapping) else value for key, value in fields.items()})

    @classmethod
    def load(cls, source: GenotypeSource) -> Genotype:
        """Load a genotype from a name, a file, plain data, or a genotype.

        Args:
            source: Name of a published genotype (``'tim-light'``), JSON file, or ``'FILE#PART'`` for the part of a
                larger genotype that belongs to one module (``'genotype.json#task.neck'``).

        Raises:
            FileNotFoundError: If there is neither such a file nor such a name.
            ValueError: If the file is not a genotype.
        """
        if isinstance(source, Genotype):
            return source
        if isinstance(source, Mapping):
            return cls.from_dict(source)
        text, _, part = str(source).partition('#')
        path = PUBLISHED_DIR / f'{text}.json' if text in published_genotypes() else Path(text)
        if not path.is_file():
            raise FileError(
                f'No genotype {text!r}: neither a file nor a published name'
                f'{nearest(text, published_genotypes())}. Published: {published_genotypes()}.'
            )
        data = parse_json(path.read_bytes(), f'The genotype {path}')
        genotype = cls.from_dict(data, where=str(path))
        return genotype.part(part) if part else genotype

    def part(self, path: str) -> Genotype:
        """Return the genotype of the searchable module at ``path`` alone, its choices named from that module.

        Raises:
            ValueError: If the genotype has no such part.
        """
        if path not in self.parts:
            raise InputError(
                f'The genotype of {self.space} has no part {path!r}{nearest(path, self.parts)}. '
                f'Its parts are {list(self.parts)}.'
            )
        prefix = f'{path}.'
        choices, weights = ({name[len(prefix):]: value for name, value in decided.items() if name.startswith(prefix)}
                            for decided in (self.choices, self.weights))
        return Genotype(choices, **self.parts[path], source=self.source, weights=weights)

    def save(self, path: str | os.PathLike) -> None:
        """Write the genotype as JSON: beside, then moved into place, so that a reader never sees half a file."""
        write_text(path, json.dumps(self.to_dict(), indent=2) + '\n')


def _is_weight(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < float('inf')


GenotypeSource = str | os.PathLike | Mapping[str, Any] | Genotype
"""What `Genotype.load` takes, and so every `genotype=` of a config: a name, a file, plain data, or a genotype."""


def with_genotype(model_cfg: Mapping[str, Any], genotype: Genotype) -> dict[str, Any]:
    """Return the config of a model with the genotype in it: part by part, or at its top where it has no parts.

    Example:
        >>> with_genotype(dict(type='TIMFusion', genotype=None), Genotype.load('tim-light'))['genotype']['space']
        'TIMFusion'
    """
    config = deepcopy(dict(model_cfg))
    for path in genotype.parts or ('',):
        node = config
        for key in path.split('.') if path else ():
            node = node[key]
        node['genotype'] = (genotype.part(path) if path else genotype).to_dict()
    return config
