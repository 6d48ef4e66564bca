"""What a class takes: arguments of its constructor, and the keys that its code reads out of dicts."""
from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from types import ModuleType


@cache
def accepted_arguments(target: Callable) -> frozenset[str] | None:
    """Return the names of the arguments that ``target`` takes, or None where it takes any.

    ``**kwargs`` that a constructor hands to its base are followed there; kept or handed elsewhere, they mean any.

    Example:
        >>> class A:
        ...     def __init__(self, a): ...
        >>> class B(A):
        ...     def __init__(self, b, **kwargs):
        ...         super().__init__(**kwargs)
        >>> sorted(accepted_arguments(B))
        ['a', 'b']
    """
    if not inspect.isclass(target):
        return _named(target) if not _takes_any(target) else None
    names: set[str] = set()
    for base in target.__mro__:
        if '__init__' not in vars(base):
            continue
        own = _named(base.__init__)
        if own is None:
            return None
        names |= own - {'self'}
        if not _takes_any(base.__init__):
            break
        if base is not object and not _handed_to_base(base.__init__):
            return None
    return frozenset(names)


def _parameters(function: Callable) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C, without a signature
        return None


def _named(function: Callable) -> frozenset[str] | None:
    parameters = _parameters(function)
    if parameters is None:
        return None
    return frozenset(p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL))


def _takes_any(function: Callable) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in _parameters(function) or [])


def _handed_to_base(init: Callable) -> bool:
    """Return whether all that a constructor does with its ``**kwargs`` is to hand them to a base's ``__init__``."""
    tree = _tree(init)
    if tree is None or not isinstance(tree.body[0], ast.FunctionDef) or tree.body[0].args.kwarg is None:
        return False
    name = tree.body[0].args.kwarg.arg
    handed = sum(
        keyword.arg is None and isinstance(keyword.value, ast.Name) and keyword.value.id == name
        for call in ast.walk(tree) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        and call.func.attr == '__init__' for keyword in call.keywords)
    used = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))
    return handed == used > 0


@cache
def read_keys(target: Callable) -> frozenset[str]:
    """Return the keys that the code of a class and of its bases reads out of dicts.

    These are ``d.key``, ``d['key']``, ``d.get('key')``, ``d.pop('key')``, ``'key' in d`` and the like, anywhere in
    the modules that define the classes: a dict goes through helper functions there.
    """
    bases = target.__mro__ if inspect.isclass(target) else (target,)
    modules = {inspect.getmodule(base) for base in bases}
    keys = (_module_keys(module) for module in modules if module and module.__name__.split('.')[0] not in _FOREIGN)
    return frozenset().union(*keys)


# Nothing there reads a config.
_FOREIGN = ('builtins', 'abc', 'torch', 'typing', 'collections', 'numpy')


@cache
def _module_keys(module: ModuleType) -> frozenset[str]:
    tree = _tree(module)
    if tree is None:
        return frozenset()
    keys = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            keys.add(node.attr)
        for part in _key_positions(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                keys.add(part.value)
    return frozenset(keys)


def _key_positions(node: ast.AST) -> list[ast.expr]:
    """Return the expressions of a node that name a key of a dict, if they are constants."""
    if isinstance(node, ast.Subscript):
        return [node.slice]
    if isinstance(node, ast.Compare):
        return [node.left]
    if isinstance(node, ast.Call):
        return [*node.args[:2], *(keyword.value for keyword in node.keywords if keyword.arg == 'key')]
    return []


def _tree(thing: Callable | ModuleType) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError):
        return None
