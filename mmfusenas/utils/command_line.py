"""Common functions of the tools: reading a config, errors in one line, the next command."""
from __future__ import annotations

import argparse
import ast
import json
import math
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from mmfusenas.cli import as_typed
from mmfusenas.core.errors import UserError
from mmfusenas.core.renamed import warn_renamed
from mmfusenas.utils.config_check import check_options
from mmfusenas.utils.config_files import config_from, get_file, packaged_config, reason
from mmfusenas.utils.lost_processes import ignore_ended_workers, lost_process
from mmfusenas.utils.safe_loading import use_safe_loading
from mmfusenas.utils.weights import checkpoint_file


def message_for_people(error: BaseException) -> str | None:
    """Return what an error tells a person, or None where it is unexpected and its traceback should be seen.

    Args:
        error: What a tool ended with: a :class:`UserError`, one that the system raised of a file and names it, or
            MMEngine's of a ``type`` that no registry has.
    """
    text = str(error)
    unknown = re.match(r"'(\S+) is not in the (\S+) registry\.", text) if type(error) is KeyError else None
    if unknown:
        return (f'type={unknown[1]!r} is not registered (registry {unknown[2]}): correct the name in the config, or '
                'name the package that registers it in custom_imports.')
    if isinstance(error, UserError) and 'Original Traceback' in text:
        # PyTorch raises an error of a dataloader's process anew, with that process's traceback as its text: frames are
        # indented, and `Type: message` follows the last one.
        last = text.rpartition('Traceback (most recent call last):')[2]
        return re.split(r'^\S+: ', last, maxsplit=1, flags=re.MULTILINE)[-1].rstrip()
    if isinstance(error, UserError) or (isinstance(error, OSError) and error.filename):
        return text
    return lost_process(error)


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool, which runs no code from the files that it reads; an error for people ends it with one message.

    The exit status is then 1.

    Args:
        main: The tool.
    """
    use_safe_loading()
    # Processes that load data take over this folder, which goes when the tool ends. One of their own would stay where
    # they are ended from outside, as torch does at the end of a training.
    get_temp_dir()
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        ignore_ended_workers()
        message = message_for_people(error)
        if message is None:
            raise
        sys.exit(f'error: {as_typed(message)}')


class ConfigOptions(DictAction):
    """``--cfg-options KEY=VALUE ...``: mmengine's ``DictAction``, which says what is wrong with an option.

    A value that begins with a dict is read as Python: ``"test_evaluator=[dict(type='FusionMetric')]"``.
    """

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: list[str],
                 option_string: str | None = None) -> None:
        """Split every option at its first ``=``."""
        for value in values:
            key, found, _ = value.partition('=')
            if not found or not key:
                parser.error(f'{option_string} got {value!r}: options are KEY=VALUE without spaces around the =, such '
                             'as train_dataloader.batch_size=4')
        super().__call__(parser, namespace, values, option_string)

    def _parse_iterable(self, val: str) -> Any:
        if not re.match(r"""[\[(\s]*(dict\(|\{\s*['"}])""", val):
            return DictAction._parse_iterable(val)
        try:
            return _plain_value(ast.parse(val.strip(), mode='eval').body)
        except (SyntaxError, ValueError) as error:
            form = "write dict(type='A') or {'type': 'A'}, with strings in quotation marks"
            raise argparse.ArgumentError(self, f'{val} cannot be read: {form}') from error


class RenamedOption(argparse.Action):
    """Store the value of an option; under every name but its first, an old one, with a warning."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        if option_string != self.option_strings[0]:
            warn_renamed(str(option_string), self.option_strings[0])
        setattr(namespace, self.dest, values)


def _plain_value(node: ast.expr) -> Any:
    """Return the value of an expression of dicts, lists, tuples, strings and numbers; nothing is run.

    Raises:
        ValueError: There is anything else in it.
    """
    if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'dict' and not node.args:
        if all(keyword.arg for keyword in node.keywords):
            return {keyword.arg: _plain_value(keyword.value) for keyword in node.keywords}
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_plain_value(value) for value in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.Dict) and all(node.keys):
        return {_plain_value(key): _plain_value(value) for key, value in zip(node.keys, node.values)}
    return ast.literal_eval(node)


def add_run_options(parser: argparse.ArgumentParser, part: str) -> None:
    """Add the options that ``train.py`` and ``test.py`` share: how it is launched, and what the config has otherwise.

    Args:
        parser: Parser.
        part: Of the config, 'train' or 'test', for the examples.
    """
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='what started the processes of a distributed run (see tools/dist_train.sh)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, metavar='KEY=VALUE',
                        help=f'values to override in the config, e.g. {part}_dataloader.batch_size=4')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def set_run_options(cfg: Config, args: argparse.Namespace) -> None:
    """Set launcher and work dir in a config; where none is asked for, it is named after the config.

    Dataloaders without workers lose what only those with some have, so that ``num_workers=0`` is enough to say.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name) or {}
        if loader.get('num_workers') == 0:  # torch has these with workers alone
            for key in ('persistent_workers', 'prefetch_factor', 'timeout'):
                loader.pop(key, None)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or f'work_dirs/{Path(args.config).stem}'


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which a tool is told its trained model, see :func:`chosen_model`."""
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file that belongs to the config')
    parser.add_argument('--model', metavar='NAME',
                        help='name of bundled weights (tools/infer.py --list), or a checkpoint alone')


def chosen_model(args: argparse.Namespace) -> tuple[str, Path | None]:
    """Return what the command line names as the model: a name and None, or a config and a checkpoint."""
    if args.model and args.config:
        raise UserError(f'--model {args.model} and the config {args.config}: give one of them.')
    if args.model:
        return args.model, None
    if not args.config or not args.checkpoint:
        raise UserError('Give a config and its checkpoint, or --model with a name; tools/infer.py --list shows the '
                         'names.')
    return args.config, existing_file(checkpoint_file(args.checkpoint), 'Checkpoint')


def existing_file(path: str | Path, what: str) -> Path:
    """Return ``path`` if it is a file.

    Args:
        path: Path from the command line.
        what: What it should be, for the message.

    Raises:
        UserError: It is not; the message names the nearest file beside it.
    """
    path = Path(path)
    if path.is_file():
        return path
    if path.is_dir():
        raise UserError(f'{what} {path} is a folder; a file is needed.')
    folder = next((parent for parent in path.parents if parent.is_dir()), Path())
    names = {str(file.relative_to(folder)): file for file in _files_below(folder, path.suffix)} if path.suffix else {}
    near = get_close_matches(str(path.relative_to(folder)), names, n=1)
    raise UserError(f'{what} {path} does not exist.' + (f' The nearest is {names[near[0]]}.' if near else ''))


def _files_below(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield files of a suffix, of the first thousands that there are: a data set may lie below."""
    walk = ((Path(place), files) for place, _, files in os.walk(folder))
    every = (place / name for place, files in walk for name in files)
    return (file for file in islice(every, 20_000) if file.suffix == suffix)


def positive(text: str) -> int:
    """Return a whole number of at least 1, of an option that counts something.

    Raises:
        argparse.ArgumentTypeError: It is none.

    Example:
        >>> positive('4')
        4
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'got {text!r}: give a whole number of at least 1')
    return int(text)


def output_folder(path: str | Path) -> Path:
    """Return ``path``, a folder into which files are going to be written.

    Raises:
        UserError: It is a file, or lies below one.
    """
    file = next((place for place in (Path(path), *Path(path).parents) if place.exists()), Path())
    if not file.is_dir():
        raise UserError(f'--out-dir {path}: {file} is a file; give a folder, which is made where it is not there.')
    return Path(path)


def output_file(path: str | Path, *others: str | Path | None) -> Path:
    """Return ``path``, to which a file is going to be written.

    Args:
        path: Path from the command line.
        others: Files that the tool reads or writes besides; None is passed over.

    Raises:
        UserError: It is a folder, or one of the others.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f'{path} is a folder; give the name of the file to write, such as {path / "out"}.')
    for other in filter(None, others):
        if path.resolve() == Path(other).resolve() or (path.exists() and Path(other).exists()
                                                       and path.samefile(other)):
            raise UserError(f'{path} would take the place of {other}, which is given too; choose another file to '
                            'write.')
    return path


def read_config(path: str, options: dict[str, Any] | None = None) -> Config:
    """Read a config file, of a part such as a data set too, and merge the options of ``--cfg-options`` into it.

    A Python config is code, and is run. YAML and JSON are data, see :func:`~mmfusenas.utils.config_files.config_from`.

    Args:
        path: Config file, or ``PACKAGE::NAME``, one that an installed package brings.
        options: Values by dotted name.

    Raises:
        UserError: The file or one of its bases is missing or cannot be read, or an option does not fit it.

    Example:
        >>> read_config('mmfusenas::tim/fusion_light.py').model.genotype
        'tim-light'
    """
    path = str(packaged_config(path) if '::' in path else existing_file(path, 'Config'))
    try:
        cfg = config_from(path)
        cfg.merge_from_dict(options or {})
    except Exception as error:  # a config is a program, and may fail like any
        file = get_file(error, path)
        raise UserError(f'Config {file} cannot be read: {reason(error, file)}') from error
    return cfg


def load_config(path: str, options: dict[str, Any] | None = None) -> Config:
    """Read the config file of a training, see :func:`read_config`.

    Raises:
        UserError: It cannot be read, or has no model.
        ConfigError: An option would have no effect.
    """
    cfg = read_config(path)
    if 'model' not in cfg:
        raise UserError(f'Config {path} has no `model`: it is a part that other configs build on (`_base_`).')
    check_options(cfg, options or {})
    return read_config(path, options)


def typed_settings(prefix: str) -> list[str]:
    """Return those of the settings on the command line whose name begins so, as they were typed, for another command.

    Args:
        prefix: Such as ``'model.'``: the next step of a chain has to build the same model.
    """
    parts = [part.removeprefix('--cfg-options=') for part in sys.argv[1:]]
    return [part for part in parts if part.startswith(prefix) and '=' in part]


def json_text(content: Any) -> str:
    """Return content as JSON, with null for numbers that JSON does not have: NaN and infinity.

    Example:
        >>> json_text(dict(psnr=float('inf'))).split()
        ['{', '"psnr":', 'null', '}']
    """
    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(inner) for inner in value]
        value = float(value) if hasattr(value, '__float__') and not isinstance(value, int) else value
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(content), indent=2) + '\n'


def command(*parts: str | Path, cfg: Config | None = None) -> str:
    """Return a command as one types it: ``python tools/...`` in a checkout, ``mmfusenas ...`` where that is running.

    Args:
        parts: Words of the command.
        cfg: Config that the command reads again. What it was made of from the environment stands before the command.

    Example:
        >>> command('python', 'tools/test.py', 'my config.py', cfg=Config({}, env_variables=dict(SCALE='4')))
        "SCALE=4 python tools/test.py 'my config.py'"
    """
    variables = [f'{name}={shlex.quote(value)}' for name, value in ({} if cfg is None else cfg.env_variables).items()]
    return ' '.join([*variables, as_typed(shlex.join(str(part) for part in parts))])
