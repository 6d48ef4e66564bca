"""The hooks of a config, named or listed."""
from __future__ import annotations

from collections.abc import Mapping

from mmfusenas.registry import HOOKS
from mmfusenas.utils.config_parts import type_name


def get_hooks(config: Mapping) -> dict[str, Mapping]:
    """Return the hooks of a config by their place: those of ``default_hooks``, then those of ``custom_hooks``.

    Example:
        >>> search, ema = dict(type='BilevelSearchHook'), dict(type='EMAHook')
        >>> get_hooks(dict(default_hooks=dict(search=search), custom_hooks=[ema]))
        {'default_hooks.search': {'type': 'BilevelSearchHook'}, 'custom_hooks.0': {'type': 'EMAHook'}}
    """
    named = {f'default_hooks.{name}': hook for name, hook in (config.get('default_hooks') or {}).items()}
    listed = {f'custom_hooks.{place}': hook for place, hook in enumerate(config.get('custom_hooks') or ())}
    return {place: hook for place, hook in {**named, **listed}.items() if hook}


def is_hook(hook: Mapping, *names: str) -> bool:
    """Return whether the config of a hook is of a registered class of one of these names, or of one derived from it.

    Example:
        >>> is_hook(dict(type='CooperativeSearchHook'), 'BilevelSearchHook')
        True
    """
    kind = HOOKS.get(type_name(hook))
    return kind is not None and issubclass(kind, tuple(HOOKS.get(name) for name in names))


def place_of_hook(config: Mapping, name: str) -> str | None:
    """Return the place of the first hook of a class, or of one derived from it; None where there is none.

    Example:
        >>> place_of_hook(dict(default_hooks=dict(search=dict(type='CooperativeSearchHook'))), 'BilevelSearchHook')
        'default_hooks.search'
    """
    return next((place for place, hook in get_hooks(config).items() if is_hook(hook, name)), None)
