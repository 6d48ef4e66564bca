"""Files are data: MMEngine made to read checkpoints, fetched weights and YAML without running code from them.

Nothing is changed by an import. Tools, inferencers, and every Runner with a ``SafeCheckpointHook`` call
:func:`use_safe_loading`; a script of your own that builds a Runner without that hook calls it first.
"""
from __future__ import annotations

from typing import Any, TextIO

import yaml
from mmengine.fileio import YamlHandler, register_handler
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader

from mmfusenas.core.errors import InputError
from mmfusenas.utils.checkpoint import BUNDLED, CheckedPretrainedInit, load_from_bundled, load_from_local
from mmfusenas.utils.remote_weights import load_from_http, load_from_store, load_from_zoo, refuse_to_load

LOADERS = {
    load_from_local: [''],
    load_from_bundled: [BUNDLED],
    load_from_http: ['http://', 'https://'],
    load_from_zoo: ['torchvision://', 'modelzoo://', 'openmmlab://', 'open-mmlab://', 'mmcls://'],
    load_from_store: [r'(\S+\:)?s3://', r'(\S+\:)?petrel://'],
    refuse_to_load: ['pavi://'],
}
"""The loaders of checkpoints, with the beginnings of names that each is for; all of MMEngine's are replaced."""


def use_safe_loading() -> None:
    """Make MMEngine run no code from the files that it reads, in this process.

    - Checkpoints, local or fetched, are read by :func:`~mmfusenas.utils.checkpoint.load_checkpoint`: those of
      ``load_from`` and ``resume``, of ``init_cfg=dict(type='Pretrained')``, and of ``mmengine.runner.load_checkpoint``.
    - ``mmfusenas://NAME`` names the bundled weights.
    - Pretrained weights that hardly fit are refused; MMEngine itself logs a warning and goes on.
    - YAML files hold plain values.

    Called again it changes nothing.

    Example:
        >>> from mmengine.runner import CheckpointLoader
        >>> use_safe_loading()
        >>> 'state_dict' in CheckpointLoader.load_checkpoint('mmfusenas://tim-light', 'cpu', logger='silent')
        True
    """
    for loader, schemes in LOADERS.items():
        CheckpointLoader.register_scheme(schemes, loader=loader, force=True)
    WEIGHT_INITIALIZERS.register_module('Pretrained', module=CheckedPretrainedInit, force=True)
    register_handler(['yaml', 'yml'])(PlainYamlHandler)


MOST_VALUES = 100_000
"""Values of a YAML file, with its aliases written out."""


class PlainLoader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    """PyYAML's safe loader, which knows tuples: mmengine writes them."""


PlainLoader.add_constructor('tag:yaml.org,2002:python/tuple',
                            lambda loader, node: tuple(loader.construct_sequence(node, deep=True)))


class PlainYamlHandler(YamlHandler):
    """mmengine's handler of YAML files, for plain values alone.

    Raises:
        yaml.constructor.ConstructorError: The file has another tag, such as ``!!python/object/apply``.
        ValueError: It has too many values, with its aliases written out.
    """

    def load_from_fileobj(self, file: TextIO, **kwargs: Any) -> Any:
        """Load the content of a file."""
        content = super().load_from_fileobj(file, **{'Loader': PlainLoader, **kwargs})
        _check_values(content, getattr(file, 'name', 'the YAML file'))
        return content


def _check_values(content: Any, name: str) -> None:
    """Raise where a file has too many values, or one within itself: an alias repeats all that stands at its anchor."""
    values, nodes = 0, [content]
    while nodes:
        node = nodes.pop()
        values += 1
        if values > MOST_VALUES:
            raise InputError(f'{name} has more than {MOST_VALUES:,} values, with its aliases (*name) written out, or '
                             'an alias within its own anchor (&name). Write it without aliases.')
        nodes.extend(node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ())
