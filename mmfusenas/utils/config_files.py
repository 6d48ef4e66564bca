"""Config files: YAML and JSON are data and run no code; a Python config is code, and is trusted like any script.

Importing this makes mmengine read every YAML file by a safe loader, in the whole process.
"""
from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, TextIO

import yaml
from mmengine.config import Config
from mmengine.fileio import YamlHandler, register_handler

from mmfusenas.core.errors import InputError

Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class PlainLoader(Loader):
    """PyYAML's safe loader, which knows tuples: mmengine writes them."""


PlainLoader.add_constructor('tag:yaml.org,2002:python/tuple',
                            lambda loader, node: tuple(loader.construct_sequence(node, deep=True)))


@register_handler(['yaml', 'yml'])
class PlainYamlHandler(YamlHandler):
    """mmengine's handler of YAML files, for plain values alone.

    Raises:
        yaml.constructor.ConstructorError: The file has another tag, such as ``!!python/object/apply``.
    """

    def load_from_fileobj(self, file: TextIO, **kwargs: Any) -> Any:
        """Load the content of a file."""
        return super().load_from_fileobj(file, **{'Loader': PlainLoader, **kwargs})


def config_from(path: str) -> Config:
    """Return the config of a file.

    Args:
        path: A Python file, which is run as are those that it is built on, or a YAML or JSON file.

    Raises:
        ValueError: A YAML or JSON file names a part that is not registered, or imports.
        yaml.constructor.ConstructorError: A YAML file has a tag that builds an object.
    """
    if Path(path).suffix == '.py':
        return Config.fromfile(path)
    from mmfusenas.utils.stored_config import ALL_PARTS, check_parts  # brings torch
    cfg = Config.fromfile(path, import_custom_modules=False)
    if 'custom_imports' in cfg:
        raise InputError('custom_imports runs code, which a YAML or JSON config may not: write a Python config, '
                         "_base_ = ['" + Path(path).name + "'], with it.")
    check_parts(cfg.to_dict(), ALL_PARTS, f'The config {path}')
    return cfg


def file_of(error: Exception, path: str) -> str:
    """Return which file of a config was being read when an error was raised: ``path``, or one that it is built on."""
    # mmengine reads a copy, so its own message names none of them.
    reading = [Path(frame.f_locals.get('filename', path)) for frame, _ in traceback.walk_tb(error.__traceback__)
               if frame.f_code.co_name == '_file2dict']
    last = next((file for file in reversed(reading) if file.is_file()), Path(path))
    return path if last == Path(path).absolute() else str(last)
