"""Finding misspelt keys of a config, which mmengine passes over in silence, and values that cannot be meant.

    >>> check_config(Config(dict(default_scope='mmfusenas', model=dict(type='TIMFusion', genotyp='tim-light'))))
    Traceback (most recent call last):
    mmfusenas.utils.config_check.ConfigError: The config is misspelt:
      model.genotyp: TIMFusion takes no such argument; did you mean genotype?
    ...

Nothing is built, and no list of names is kept here: what is right is read from the classes that the config names,
their constructors and the keys that their code reads. A free top-level variable is fine unless nothing refers to it
and it is nearly the name of something that the Runner takes.
"""
from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmfusenas.core.errors import InputError
from mmfusenas.utils.config_parts import (
    Part,
    build_functions,
    installed,
    is_layer,
    lookup,
    lookup_elsewhere,
    mentioned,
    names,
    parts,
    type_name,
)
from mmfusenas.utils.signatures import accepted_arguments, read_keys, removed_keys

# Types of the Runner's arguments where the config leaves them out.
_DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper', 'val_cfg': 'ValLoop', 'test_cfg': 'TestLoop', 'log_processor': 'LogProcessor',
}
_ALWAYS = frozenset({'type', '_scope_', '_delete_'})
# Packages whose names are offered when a type is looked up in the wrong scope.
_SCOPES = ('mmfusenas', 'mmdet', 'mmseg', 'mmengine')


class ConfigError(InputError):
    """A config with keys or types that nothing knows, or with values that cannot be meant."""


def check_config(cfg: Config, options: Mapping[str, Any] | None = None) -> None:
    """Raise on the misspelt keys of a config, and on numbers of another type or range.

    Args:
        cfg: Config as the Runner gets it.
        options: What ``--cfg-options`` set in it. Where all that is wrong comes from there, the message says so.

    Raises:
        ConfigError: One line a misspelt key, with where it stands and the nearest right name.
    """
    problems = find_problems(cfg)
    if problems:
        inherited = ('\nWhere such a key comes from a base whose part is replaced by another type, put _delete_=True '
                     'into the dict that replaces it.' if any('no such argument' in line for line in problems) else '')
        source = cfg.filename or 'The config'
        if all(line.startswith(tuple(options or ())) for line in problems):
            source, inherited = '--cfg-options', ''
        raise ConfigError(f'{source} is misspelt:\n  ' + '\n  '.join(problems) + inherited)


_USUAL = dict(seed='randomness.seed', lr='optim_wrapper.optimizer.lr', max_epochs='train_cfg.max_epochs',
              batch_size='train_dataloader.batch_size', data_root='train_dataloader.dataset.data_root')
"""What those mean who name the last part of an option."""


def check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Raise on options that set a variable of a config file again: what it was for has read the old value by then.

    Args:
        cfg: Config as its files have it.
        options: Values by dotted name, as of ``--cfg-options``.

    Raises:
        ConfigError: One is of a top-level variable that the Runner does not take, or that there is not.
    """
    known = accepted_arguments(Runner) | _runner_settings()
    for name in dict.fromkeys(option.partition('.')[0] for option in options):
        if name not in cfg and name not in known:
            raise ConfigError(f'--cfg-options {name}=... has no effect: nothing reads {name}.' + (
                f' Do you mean {_USUAL[name]}=?' if name in _USUAL else ' Give the whole name, such as '
                'train_dataloader.batch_size=.'))
        if name in cfg and name not in known:
            raise ConfigError(f'--cfg-options {name}=... has no effect: {name} is a variable of {cfg.filename}, which '
                              'has been read. Set what it is used for (--cfg-options train_dataloader...=), or write '
                              'a config that sets it.')


def find_problems(cfg: Config) -> list[str]:
    """Return what is misspelt or out of range in a config, one line each."""
    misplaced = list(_forms(cfg))
    if misplaced:
        return misplaced
    scope = cfg.get('default_scope') or 'mmengine'
    holders = (Runner, build_optim_wrapper, *build_functions(scope))
    found: list[Part] = []
    for name in sorted(accepted_arguments(Runner) & set(cfg)):
        found += parts(_with_default_type(name, cfg[name]), name, scope, holders)
    # What GenotypeExportHook is to change in the config stands there as it does in the config itself.
    found = [replace(part, holders=(*part.holders, *holders)) if '.retrain.' in part.path else part for part in found]
    problems = [*_top_level(cfg), *_default_hooks(cfg), *_paramwise(cfg, scope), *_bit_depths(cfg, found),
                *_dataloader_keys(cfg)]
    for name in _VALUED:
        problems += _values(cfg.get(name), name)
    if cfg.get('model') and 'type' in cfg['model'] and (wrong := _wrong('type', cfg['model']['type'], 'model')):
        problems.append(f'model.type is {cfg["model"]["type"]!r}; {wrong}')
    for part in found:
        problems += _type_problem(part) if not part.candidates else _arguments(part)
    problems += _model_cfgs([part for part in found if part.path.split('.')[0] == 'model'])
    return list(dict.fromkeys(problems))


_WHOLE = dict(max_epochs=1, max_iters=1, val_interval=1, batch_size=1, num_workers=0, interval=-1, begin=0, val_begin=1,
              seed=0, log_interval=1, max_keep_ckpts=-1, patience=0)
"""Settings that are whole numbers, with the least of each. An interval of -1 is never; 0 says nothing."""

_RATES = ('lr', 'weight_decay', 'momentum')
"""Settings of an optimizer that are numbers from 0 on."""

_VALUED = ('train_cfg', 'val_cfg', 'test_cfg', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'optim_wrapper',
           'default_hooks', 'custom_hooks', 'randomness')
"""Where a config has such settings; those of a model or a schedule are its own."""

MOST_SEED = 2 ** 32 - 1


def _values(node: Any, path: str) -> Iterator[str]:
    """Settings of another type or range, which would be an error after hours, or none."""
    if isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _values(value, f'{path}[{index}]')
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        problem = _wrong(key, value, path)
        if problem:
            yield f'{path}.{key} is {value!r}; {problem}'
        elif key != 'dataset':  # a data set's are its own
            yield from _values(value, f'{path}.{key}')


def _wrong(key: str, value: Any, path: str) -> str:
    """Return in words what is wrong with a setting; '' where nothing is."""
    whole = type(value) is int or (type(value) is float and value.is_integer())
    if key in _WHOLE and not (key in ('seed', 'interval') and value is None):
        least = _WHOLE[key]
        if not whole or value < least or (key == 'interval' and value == 0):
            return 'it has to be a whole number of at least ' + ('1, or -1 for never' if least < 0 else str(least))
        if key == 'seed' and value > MOST_SEED:
            return f'it has to be at most {MOST_SEED}'
    if key in _RATES and path.rpartition('.')[2].endswith('optimizer'):
        if type(value) not in (int, float) or not 0 <= value < float('inf'):
            return 'it has to be a number of at least 0'
    if key == 'type' and not isinstance(value, str) and not callable(value):
        return 'it has to be the name of a registered class'
    return ''


def _dataloader_keys(cfg: Config) -> Iterator[str]:
    """Keys that no dataloader takes."""
    known = frozenset(inspect.signature(DataLoader).parameters) | removed_keys(Runner)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for key in sorted(set(cfg.get(name) or ()) - known - _ALWAYS):
            yield _line(f'{name}.{key}', 'a dataloader takes no such argument', _nearest(key, known))


def _forms(cfg: Config) -> Iterator[str]:
    """Parts of a config that are text, a number or a list, where settings by name are expected."""
    for name in sorted(_RUNNER_DICTS & set(cfg)):
        yield from _form(cfg[name], name)
    for name in sorted(_RUNNER_LISTS & set(cfg)):
        if not isinstance(cfg[name], (list, tuple)):
            yield from _form(cfg[name], name)
            continue
        for index, value in enumerate(cfg[name]):
            yield from _form(value, f'{name}[{index}]', empty=False)
    hooks = cfg.get('default_hooks')
    for name, hook in hooks.items() if isinstance(hooks, dict) else ():
        yield from _form(hook, f'default_hooks.{name}')
    custom = _setting(cfg, 'optim_wrapper.paramwise_cfg.custom_keys')
    for name, setting in custom.items() if isinstance(custom, dict) else ():
        yield from _form(setting, f'optim_wrapper.paramwise_cfg.custom_keys[{name!r}]')
    for path in ('model.data_preprocessor', 'model.data_preprocessor.bit_depth', 'optim_wrapper.paramwise_cfg',
                 'optim_wrapper.paramwise_cfg.custom_keys'):
        yield from _form(_setting(cfg, path), path)


_RUNNER_DICTS = frozenset(f'{part}_{what}' for part in ('train', 'val', 'test') for what in ('cfg', 'dataloader')) | {
    'model', 'data_preprocessor', 'optim_wrapper', 'default_hooks', 'env_cfg', 'randomness', 'visualizer',
    'log_processor', 'auto_scale_lr'}
_RUNNER_LISTS = frozenset(('custom_hooks', 'val_evaluator', 'test_evaluator'))


def _form(value: Any, path: str, empty: bool = True) -> Iterator[str]:
    if isinstance(value, (str, int, float, list, tuple)) or (value is None and not empty):
        yield f'{path} is {repr(value)[:60]}; it has to be a dict'


def _setting(node: Any, path: str) -> Any:
    for key in path.split('.'):
        node = node.get(key) if isinstance(node, (dict, Config)) else None
    return node


def _with_default_type(name: str, value: Any) -> Any:
    if name in _DEFAULT_TYPES and isinstance(value, dict) and 'type' not in value:
        return dict(value, type=_DEFAULT_TYPES[name])
    return value


def _nearest(name: str, right: Collection[str], cutoff: float = 0.6) -> str:
    # Keys of a YAML file may be numbers.
    near = get_close_matches(str(name), [known for known in right if isinstance(known, str)], n=1, cutoff=cutoff)
    return near[0] if near else ''


def _line(path: str, what: str, near: str) -> str:
    return f'{path}: {what}' + (f'; did you mean {near}?' if near else '')


def _top_level(cfg: Config) -> Iterator[str]:
    """A name that the Runner does not take, that nothing refers to, and that is nearly one that it takes."""
    known = accepted_arguments(Runner) | _runner_settings()
    for name in set(cfg) - known:
        near = _nearest(name, known, cutoff=0.85)
        if near and not _referred_to(name, cfg.text):
            yield _line(name, 'nothing refers to this variable', near)


@cache
def _runner_settings() -> frozenset[str]:
    """Names that are no arguments of the Runner, but that it reads from the whole config."""
    return frozenset(re.findall(r"self\.cfg\.get\(\s*'(\w+)'", inspect.getsource(Runner)))


@cache
def _hook_names() -> frozenset[str]:
    """Names of the default hooks: those that the Runner registers, and the one that mmdet and mmseg add."""
    source = ast.parse(textwrap.dedent(inspect.getsource(Runner.register_default_hooks)))
    first = next(node for node in ast.walk(source) if isinstance(node, ast.Call))
    return frozenset(keyword.arg for keyword in first.keywords) | {'visualization'}


def _referred_to(name: str, text: str) -> bool:
    """Return whether config files mention a name otherwise than by setting it."""
    return re.search(rf'(?<![\w\'"]){name}\b(?!\s*=[^=])', text) is not None


def _default_hooks(cfg: Config) -> Iterator[str]:
    # A hook of one's own may have any name, unless that is nearly one of the Runner's; what has no type was meant to
    # change another.
    hooks, known = cfg.get('default_hooks') or {}, _hook_names()
    typed = {name for name, hook in hooks.items() if hook and hook.get('type')}
    for name in set(hooks) - known:
        near = _nearest(name, known, cutoff=0.85)
        if near or name not in typed:
            yield _line(f'default_hooks.{name}', 'no such hook', near or _nearest(name, typed - {name}) or ', '.join(
                sorted(known | typed)))


def _paramwise(cfg: Config, scope: str) -> Iterator[str]:
    wrapper = cfg.get('optim_wrapper')
    if not isinstance(wrapper, dict) or not isinstance(wrapper.get('paramwise_cfg'), dict):
        return
    constructors = lookup(wrapper.get('constructor', 'DefaultOptimWrapperConstructor'), scope)
    known = frozenset().union(*map(read_keys, constructors))
    if not constructors:
        return
    settings = wrapper['paramwise_cfg']
    custom = settings.get('custom_keys') or {}
    places = {'optim_wrapper.paramwise_cfg': settings}
    places |= {f'optim_wrapper.paramwise_cfg.custom_keys[{name!r}]': value for name, value in custom.items()}
    for path, place in places.items():
        for key in set(place) - known:
            yield _line(f'{path}.{key}', 'no such setting', _nearest(key, known))


_DEEP = ('FusionMetric', 'SensorFailure', 'ReplaceFailedSensor')
"""Parts that take images for as deep as the preprocessor does."""


def _bit_depths(cfg: Config, found: list[Part]) -> Iterator[str]:
    """Another depth of the files than in the preprocessor: a metric or a step would be of other images."""
    sensors = ('visible', 'infrared')
    wanted = ((cfg.get('model') or {}).get('data_preprocessor') or {}).get('bit_depth') or {}
    reference, wanted = 'reference' in wanted, {name: wanted[name] for name in sensors if name in wanted}
    for place in ('val_evaluator', 'test_evaluator'):
        evaluators = cfg.get(place) or []
        for evaluator in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
            if reference and type_name(evaluator) in ('ImageQualityMetric', 'DeblurMetric'):
                yield (f'{place}: {type_name(evaluator)} takes references of 8 or 16 full bits, '
                       'model.data_preprocessor.bit_depth says otherwise; save them in full depth')
    for part in found:
        kind, own = type_name(part.config), part.config.get('bit_depth') or {}
        if kind in _DEEP and not isinstance(own, dict):
            yield f'{part.path}.bit_depth is {own!r}; it is a dict by sensor, such as dict(infrared=14)'
        elif kind in _DEEP and (own := {name: own[name] for name in sensors if name in own}) != wanted:
            yield f'{part.path}: {kind} has bit_depth={own}, model.data_preprocessor {wanted}; give both the same'


def _type_problem(part: Part) -> Iterator[str]:
    """A type that is not registered: only where a nearby name, or the same one in another scope, says what is meant.

    The rest is left to whoever builds it: some types are names that a class knows by itself (``nms``).
    """
    kind = part.config['type']
    if not isinstance(kind, str):
        return
    path = f'{part.path}.type'
    scope, _, name = kind.rpartition('.')
    if scope and '.' not in scope and not installed(scope):
        yield f'{path}: {kind} needs the package {scope}, which is not installed'
        return
    others = [other for other in _SCOPES if other != part.scope and installed(other)
              and lookup_elsewhere(kind, other)]
    if others and not scope:
        yield (f"{path}: {kind} is not registered in the scope {part.scope}, but in {others[0]}: write "
               f"_scope_='{others[0]}' in this dict, or type='{others[0]}.{kind}' if nothing nested in it is built")
        return
    near = _nearest(name, names(scope or part.scope), cutoff=0.85)
    if near:
        yield _line(path, f'{name} is not registered in the scope {scope or part.scope}', near)


def _arguments(part: Part) -> Iterator[str]:
    """Arguments that no class of that name takes and no code around it takes out."""
    accepted = [accepted_arguments(candidate) for candidate in part.candidates]
    if None in accepted or any(map(is_layer, part.candidates)):
        return
    known = frozenset().union(*accepted)
    taken_out = frozenset().union(*map(removed_keys, part.holders))
    for key in sorted(set(part.config) - known - taken_out - _ALWAYS):
        name = getattr(part.candidates[0], '__name__', part.config['type'])
        yield _line(f'{part.path}.{key}', f'{name} takes no such argument', _nearest(key, known))


def _model_cfgs(model: list[Part]) -> Iterator[str]:
    """Keys of train_cfg and test_cfg that no class of the model reads, and that are nearly one that is read."""
    classes = {candidate for part in model for candidate in part.candidates}
    known = frozenset().union(*map(read_keys, classes))
    for part in model:
        for name in ('train_cfg', 'test_cfg'):
            for path, key in _unread(part.config.get(name), f'{part.path}.{name}', known):
                near = _nearest(key, known, cutoff=0.8)
                # Configs also carry keys that only other models of the package read.
                if near and not mentioned(key, part.scope):
                    yield _line(path, 'nothing in this model reads this key', near)


def _unread(node: Any, path: str, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield path and key of what is not known, down to the parts that are built from a type."""
    if isinstance(node, dict) and 'type' not in node:
        for key, value in node.items():
            if key not in known:
                yield f'{path}.{key}', key
            yield from _unread(value, f'{path}.{key}', known)
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _unread(value, f'{path}[{index}]', known)
