"""Arguments of a class: of its constructor, and the keys that its code reads in dicts or removes from them."""
from __future__ import annotations

import ast
import inspect
import sys
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
    handed_on = True
    for position, base in enumerate(base for base in target.__mro__ if '__init__' in vars(base)):
        own = _named(base.__init__)
        any_kept = own is None or _takes_any(base.__init__) and not _handed_to_base(base.__init__)
        if handed_on and any_kept and base is not object:
            return None
        names |= (own or set()) - {'self'}
        handed_on = handed_on and _takes_any(base.__init__)
        if position == 0 and not handed_on:
            break  # else all bases count: `super(Base, self).__init__(**kwargs)` passes over some of them
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
    """Return the keys that the code of a class and of its bases reads in dicts.

    These are ``d.key``, ``d['key']``, ``d.get('key')``, ``'key' in d`` and the like, anywhere in the modules that
    define the classes and in those of the functions they import: dicts go through helpers.
    """
    modules = _modules(target)
    helpers = {inspect.getmodule(member) for module in modules for member in vars(module).values()
               if inspect.isfunction(member)} - {None}
    return frozenset().union(*(_module_keys(module)[0] for module in modules | helpers if not _foreign(module)))


@cache
def removed_keys(target: Callable) -> frozenset[str]:
    """Return the keys that the code of a class and of its bases takes out of dicts, as in ``d.pop('key')``."""
    return frozenset().union(*(_module_keys(module)[1] for module in _modules(target) if not _foreign(module)))


def _modules(target: Callable) -> set[ModuleType]:
    bases = target.__mro__ if inspect.isclass(target) else (target,)
    return {inspect.getmodule(base) for base in bases} - {None}


def _foreign(module: ModuleType) -> bool:
    """Return whether a module belongs to the standard library or torch, where nothing reads a config."""
    package = module.__name__.split('.')[0]
    return package in ('torch', 'numpy') or package in sys.stdlib_module_names


@cache
def _module_keys(module: ModuleType) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys that a module reads, and those of them that it removes."""
    read, removed = set(), set()
    for node in ast.walk(_tree(module) or ast.Module([], [])):
        if isinstance(node, ast.Attribute):
            read.add(node.attr)
        keys = {part.value for part in _key_positions(node)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)}
        read |= keys
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == 'pop':
            removed |= keys
        if isinstance(node, ast.Delete):
            removed |= {key.value for target in node.targets for key in _key_positions(target)
                        if isinstance(key, ast.Constant)}
    return frozenset(read), frozenset(removed)


def _key_positions(node: ast.AST) -> list[ast.expr]:
    """Return the expressions of a node that name a key of a dict, if they are constants."""
    if isinstance(node, ast.Subscript):
        return [node.slice]
    if isinstance(node, ast.Compare):
        return [node.left]
    if isinstance(node, ast.Call):
        return node.args[:2]
    return []


def _tree(member: Callable | ModuleType) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(member)))
    except (OSError, TypeError, SyntaxError):
        return None
