"""Hooks of a config are known by their registered class, whatever their name ends in."""
import pytest
from mmengine.hooks import Hook

from mmfusenas.engine.hooks import BilevelSearchHook
from mmfusenas.registry import HOOKS
from mmfusenas.utils.config_hooks import is_hook, place_of_hook


@pytest.fixture(autouse=True)
def own_hooks():
    """One hook that searches and is not called so, and one that is called so and does not search."""
    HOOKS.register_module('Mine', module=type('Mine', (BilevelSearchHook, ), {}))
    HOOKS.register_module('ResearchHook', module=type('ResearchHook', (Hook, ), {}))
    yield
    for name in ('Mine', 'ResearchHook'):
        HOOKS.module_dict.pop(name)


@pytest.mark.parametrize(('kind', 'expected'), [
    ('Mine', True), ('mmfusenas.Mine', True), (BilevelSearchHook, True), ('CooperativeSearchHook', True),
    ('ResearchHook', False), ('EMAHook', False), ('NoSuchSearchHook', False)])
def test_a_hook_is_known_by_its_class(kind, expected):
    assert is_hook(dict(type=kind), 'BilevelSearchHook') is expected
    place = place_of_hook(dict(custom_hooks=[dict(type='EMAHook'), dict(type=kind)]), 'BilevelSearchHook')
    assert place == ('custom_hooks.1' if expected else None)
