"""The parts of a config: every dict with a ``type``, with the classes that the name can mean where it stands."""
from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mmengine.registry
from mmengine.registry import Registry
from torch import nn

# What stands under these keys is no part to build: free data, and weights' initialisers, which other code takes apart.
_FREE = ('metainfo', 'init_cfg')


@dataclass(frozen=True)
class Part:
    """A dict of a config that something is built from.

    Attributes:
        path: Where it stands, e.g. ``model.task.bbox_head``.
        config: The dict.
        scope: Scope in which its type is looked up.
        candidates: Classes and functions that the type can mean; registries of several kinds share names.
        holders: Classes of the part it stands in, whose code may take keys out before it is built.
    """

    path: str
    config: dict
    scope: str
    candidates: tuple[Callable, ...]
    holders: tuple[Callable, ...]


def type_name(config: Mapping[str, Any]) -> str:
    """Return the registered name that a part of a config has for its type, without scope; '' where it has none.

    Example:
        >>> type_name(dict(type='mmdet.RetinaNet'))
        'RetinaNet'
    """
    kind = config.get('type') or ''
    return kind.__name__ if inspect.isclass(kind) else str(kind).rpartition('.')[2]


def parts(node: Any, path: str, scope: str, holders: tuple[Callable, ...] = ()) -> Iterator[Part]:
    """Yield the parts in a piece of a config, outer ones first.

    Args:
        node: The piece: a dict, a list, or a value.
        path: Where it stands.
        scope: Scope that is the default there.
        holders: Classes of the part it stands in.
    """
    if isinstance(node, dict):
        scope = node.get('_scope_') or scope
        kind = node.get('type')
        if isinstance(kind, str) or callable(kind):
            candidates = lookup(kind, scope)
            yield Part(path, node, scope, candidates, holders)
            holders = candidates or holders
        for key, value in node.items():
            if key not in _FREE:
                yield from parts(value, f'{path}.{key}', scope, holders)
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from parts(value, f'{path}[{index}]', scope, holders)


@cache
def lookup(kind: str | Callable, scope: str) -> tuple[Callable, ...]:
    """Return the classes and functions that ``type=kind`` can mean in a scope, in the registries of all kinds."""
    if callable(kind):
        return (kind,)
    found = [registry.get(kind) for registry in registries(scope)]
    return tuple(dict.fromkeys(member for member in found if member is not None))


@cache
def registries(scope: str) -> tuple[Registry, ...]:
    """Return the registries in which a type is looked up in ``scope``, one or more of each kind.

    Where a scope has no registry of a kind, mmengine looks in the one of the code that builds; that code is not
    known here, so all of that kind are searched.
    """
    _register(scope)
    chosen: list[Registry] = []
    for root in _roots(scope):
        own = root if root.scope == scope else root._search_child(scope)
        chosen += [own] if own is not None else [root, *_descendants(root)]
    return tuple(chosen)


def lookup_elsewhere(kind: str, scope: str) -> bool:
    """Return whether another scope's registries of mmengine's kinds (models, hooks, ...) know a type."""
    return any(registry.get(kind) is not None for registry in registries(scope) if registry.root.scope == 'mmengine')


def installed(scope: str) -> bool:
    """Return whether the package that registers ``scope`` is there."""
    return find_spec(scope) is not None


def names(scope: str) -> set[str]:
    """Return all names that can be written without a prefix in ``scope``."""
    found: set[str] = set()
    for registry in registries(scope):
        while registry is not None:
            found |= set(registry.module_dict)
            registry = registry.parent
    return found


@cache
def _register(scope: str) -> None:
    """Import what registers the parts of a scope. Where that fails, whoever builds one of them will say why."""
    if not installed(scope):
        return
    with suppress(ImportError):
        for registry in vars(import_module(f'{scope}.registry')).values():
            if isinstance(registry, Registry):
                registry.import_from_location()


def _roots(scope: str) -> list[Registry]:
    modules = [mmengine.registry]
    with suppress(ImportError):
        modules.append(import_module(f'{scope}.registry'))
    found = [member for module in modules for member in vars(module).values() if isinstance(member, Registry)]
    return list({id(registry.root): registry.root for registry in found}.values())


def _descendants(registry: Registry) -> list[Registry]:
    children = list(registry.children.values())
    return children + [grandchild for child in children for grandchild in _descendants(child)]


def is_layer(target: Callable) -> bool:
    """Return whether a class is a layer of torch, mmengine or mmcv, such as ``BN``, ``ReLU`` or ``DCNv2``.

    Their configs go through helpers (``build_norm_layer``, ...), which take keys like ``requires_grad`` out.
    """
    package = target.__module__.split('.')[0]
    return inspect.isclass(target) and issubclass(target, nn.Module) and package in ('torch', 'mmengine', 'mmcv')


@cache
def mentioned(word: str, scope: str) -> bool:
    """Return whether the source of any class that is registered in ``scope`` has a word in it."""
    classes = {member for registry in registries(scope) for member in registry.module_dict.values()}
    files = {getattr(inspect.getmodule(member), '__file__', None) for member in classes} - {None}
    pattern = re.compile(rf'\b{re.escape(word)}\b')
    return any(pattern.search(Path(file).read_text(errors='ignore')) for file in files if file.endswith('.py'))


def build_functions(scope: str) -> tuple[Callable, ...]:
    """Return the functions that build from configs in ``scope``; they take keys out as well."""
    return tuple({registry.build_func for registry in registries(scope)})
