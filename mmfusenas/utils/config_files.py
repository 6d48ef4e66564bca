"""Config files: YAML and JSON are data and run no code; a Python config is code, and is trusted like any script."""
from __future__ import annotations

import traceback
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import get_installed_path, is_installed

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.names import nearest
from mmfusenas.utils.safe_loading import use_safe_loading
from mmfusenas.utils.stored_config import ALL_PARTS, check_parts


def config_from(path: str) -> Config:
    """Return the config of a file.

    Args:
        path: A Python file, which is run as are those that it is built on, or a YAML or JSON file.

    Raises:
        ValueError: A YAML or JSON file names a part that is not registered, or imports.
        yaml.constructor.ConstructorError: A YAML file has a tag that builds an object.
    """
    use_safe_loading()
    if Path(path).suffix == '.py':
        return Config.fromfile(path)
    cfg = Config.fromfile(path, import_custom_modules=False)
    if 'custom_imports' in cfg:
        raise InputError('custom_imports runs code, which a YAML or JSON config may not: write a Python config, '
                         "_base_ = ['" + Path(path).name + "'], with it.")
    check_parts(cfg.to_dict(), ALL_PARTS, f'The config {path}')
    return cfg


def packaged_config(name: str) -> Path:
    """Return the file of ``PACKAGE::NAME``, a config that an installed package brings.

    Raises:
        FileNotFoundError: If the package is not installed, or has no such config.

    Example:
        >>> packaged_config('mmfusenas::tim/fusion_light.py').name
        'fusion_light.py'
    """
    package, _, path = name.partition('::')
    if not is_installed(package):
        raise FileError(f'{name} is of the package {package!r}, which is not installed.')
    root = Path(get_installed_path(package), '.mim', 'configs')
    if not (root / path).is_file():
        known = [str(file.relative_to(root)) for file in sorted(root.glob('*/*.py'))]
        raise FileError(f'{package} has no config {path}{nearest(path, known)}.')
    return root / path


def get_file(error: Exception, path: str) -> str:
    """Return which file of a config was being read when an error was raised: ``path``, or one that it is built on."""
    # mmengine reads a copy, so its own message names none of them.
    reading = [Path(frame.f_locals.get('filename', path)) for frame, _ in traceback.walk_tb(error.__traceback__)
               if frame.f_code.co_name == '_file2dict']
    last = next((file for file in reversed(reading) if file.is_file()), Path(path))
    return path if last == Path(path).absolute() else str(last)
