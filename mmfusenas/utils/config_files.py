"""Config files: YAML and JSON are data and run no code; a Python config is code, and is trusted like any script."""
from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine import fileio
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
        ValueError: A YAML or JSON file names a part that is not registered, imports, or is built on a Python file other
            than a config of an installed package.
        yaml.constructor.ConstructorError: A YAML file has a tag that builds an object.
    """
    use_safe_loading()
    if Path(path).suffix == '.py':
        return Config.fromfile(path)
    _check_bases(Path(path).absolute(), ())
    cfg = Config.fromfile(path, import_custom_modules=False)
    if 'custom_imports' in cfg:
        raise InputError('custom_imports runs code, which a YAML or JSON config may not: write a Python config, '
                         "_base_ = ['" + Path(path).name + "'], with it.")
    check_parts(cfg.to_dict(), ALL_PARTS, f'The config {path}')
    return cfg


def _check_bases(path: Path, above: tuple[Path, ...]) -> None:
    """Raise where a config of data is built on code, on itself, or is no dict; ``above`` are those built on it."""
    content = _content(path)
    if not isinstance(content, dict):
        raise InputError(f'{path} holds a {type(content).__name__}; a config is a dict of settings by name.')
    bases = content.get('_base_', [])
    for base in bases if isinstance(bases, list) else [bases]:
        if not isinstance(base, str):
            raise InputError(f'_base_ of {path} is {repr(base)[:60]}; it has to be the name of a file, or a list of '
                             'names.')
        if re.fullmatch(r'\w+::.+', base) and '..' not in base:
            continue  # a config of an installed package, which is code that was installed
        file = path.parent / base
        if file.suffix not in ('.json', '.yaml', '.yml'):
            raise InputError(f'{path} is built on {base}, which would run code, and a YAML or JSON config may not: '
                             f'write a Python config with both, _base_ = [{base!r}, {path.name!r}].')
        if file.resolve() in (path.resolve(), *(upper.resolve() for upper in above)):
            raise InputError(f'{path} is built on itself, by {base} in _base_.')
        if file.is_file():
            _check_bases(file, (*above, path))


def _content(path: Path) -> Any:
    """Return what a config of data holds, with its variables put in as MMEngine does: they may stand in any place."""
    with TemporaryDirectory() as folder:
        copy = str(Path(folder, f'config{path.suffix}'))
        Config._substitute_predefined_vars(str(path), copy)
        Config._substitute_env_variables(copy, copy)
        Config._pre_substitute_base_vars(copy, copy)
        return fileio.load(copy)


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


def reason(error: Exception, path: str) -> str:
    """Return why a config cannot be read, in words where MMEngine's own say little."""
    if isinstance(error, RuntimeError) and not str(error) and '_base_' not in Path(path).read_text():
        return ('it imports and has no _base_, so that MMEngine takes it for a config of the new style, in which '
                "nothing can be called. Begin it with a _base_, like _base_ = 'mmfusenas::_base_/default_runtime.py'")
    chosen = _chosen_bases(Path(path)) if isinstance(error, FileNotFoundError) else ''
    return f'{type(error).__name__}: {error}' + (f'. {chosen}' if chosen else '')


def _chosen_bases(path: Path) -> str:
    """Say which variables of the environment choose a base that a config does not have, and what they may be."""
    said = []
    pattern = r"""['"]([^'"{]*)\{\{\s*\$(\w+):([^}]*)\}\}([^'"{]*)['"]"""
    for before, name, default, behind in re.findall(pattern, path.read_text()):
        if name in os.environ and not (path.parent / f'{before}{os.environ[name]}{behind}').is_file():
            start = before.rpartition('/')[2]
            known = sorted(file.name.removeprefix(start).removesuffix(behind)
                           for file in path.parent.glob(f'{before}*{behind}') if file.suffix == '.py')
            said.append(f'The variable {name}={os.environ[name]} of the environment chooses a base of {path.name}; it '
                        f'can be {", ".join(known)} (default: {default}).')
    return ' '.join(said)


def get_file(error: Exception, path: str) -> str:
    """Return which file of a config was being read when an error was raised: ``path``, or one that it is built on."""
    # mmengine reads a copy, so its own message names none of them.
    names = dict(_file2dict='filename', _content='path')  # functions that read one, mmengine's and ours
    reading = [Path(frame.f_locals.get(names[frame.f_code.co_name], path))
               for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_name in names]
    last = next((file for file in reversed(reading) if file.is_file()), Path(path))
    return path if last == Path(path).absolute() else str(last)
