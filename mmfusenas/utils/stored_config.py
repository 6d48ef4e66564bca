"""Configs inside files: their text, and which parts they may name.

A part of a config goes by the name of its type. MMEngine takes a name that is not registered as an import path and
calls what it finds there, so ``dict(type='os.system', command=...)`` runs a command where a model is built from it. A
config that comes out of a file is therefore read by :func:`from_text`, which lets registered parts pass alone.

Nothing is imported here but the packages of :data:`SCOPES`. Parts of one's own are registered by then: the config that
has them in its ``custom_imports`` is read before.
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import mmengine.registry
from mmengine.registry import Registry

import mmfusenas.registry
from mmfusenas.core.errors import InputError
from mmfusenas.core.files import parse_json
from mmfusenas.registry import MODELS, TASK_UTILS, TRANSFORMS, WEIGHT_INITIALIZERS

SCOPES = ('mmfusenas', 'mmengine', 'mmcv', 'mmdet', 'mmseg')
"""Packages whose registered parts a config inside a file may name."""

MODEL_PARTS = (MODELS, TASK_UTILS, WEIGHT_INITIALIZERS)
"""Registries of what a model is made of."""
PIPELINE_PARTS = (TRANSFORMS, )
"""Registries of what a pipeline is made of."""
ALL_PARTS = tuple(value for module in (mmengine.registry, mmfusenas.registry) for value in vars(module).values()
                  if isinstance(value, Registry))
"""Registries of all that a config names."""

# Types that are no registered names: a class of mmcv or mmdet chooses by them among what it knows itself.
_KNOWN = frozenset((
    'nms', 'soft_nms', 'nms_match', 'nms_quadri', 'nms_rotated',  # non-maximum suppression
    'RoIAlign', 'RoIAlignRotated', 'RoIPool', 'SimpleRoIAlign', 'DeformRoIPoolPack', 'ModulatedDeformRoIPoolPack',
    'conv', 'deconv', 'interpolation_conv', 'last_conv', 'up_conv',  # FPG
    'dilation', 'offset',  # Cascade RPN
))
# Arguments of stock parts that are evaluated, imported, unpickled or read as a Python config, and what is harmless.
_EXECUTED = {
    'teacher_config': '(?!)',  # KnowledgeDistillationSingleStageDetector, LAD: a file; a dict is checked as any
    'warp_mode': r'cv2\.MOTION_[A-Z]+',  # CameraMotionCompensation
    'norm_layer': r'\w+',  # TIMMBackbone
    'decode_backend': 'nifti|numpy|cv2',  # LoadBiomedicalData and its like: also pickle
}
# What ends the quotation that mmengine puts round a key, in a retrain.py for instance.
_QUOTE = r"['\n\r]|\\$"
# JSON has no tuples, and some parts take nothing else (the scale of Resize).
_TUPLE = '_tuple_'


def as_text(config: Any) -> str:
    """Return plain data as JSON, from which :func:`from_text` makes the same again, tuples included.

    Keys become text, as does what is no plain value.

    Example:
        >>> as_text([dict(type='Resize', scale=(640, 448))])
        '[{"type": "Resize", "scale": {"_tuple_": [640, 448]}}]'
    """
    return json.dumps(_mark_tuples(config), default=str)


def from_text(text: str, kinds: tuple[Registry, ...], where: str) -> Any:
    """Return the config that a file holds as JSON, once it is known to name registered parts alone.

    Pretrained weights that it asks for are left out: the weights are those of the file.

    Args:
        text: JSON, of :func:`as_text` or plain.
        kinds: Registries that its parts may be of, :data:`MODEL_PARTS` or :data:`PIPELINE_PARTS`.
        where: What to call the config in messages, with its file.

    Raises:
        ValueError: It is no JSON, or a part of it is not registered, is of another scope, or is given text to run.

    Example:
        >>> from_text('{"type": "os.system", "command": "ls"}', MODEL_PARTS, 'model_cfg of a.pth')
        Traceback (most recent call last):
        mmfusenas.core.errors.InputError: model_cfg of a.pth was not built: type is 'os.system', ...
    """
    config = parse_json(text, where)
    check_parts(config, kinds, where)
    return _restored(config)


def check_parts(config: Any, kinds: tuple[Registry, ...], where: str) -> None:
    """Raise where plain data names a part that is not registered.

    Args:
        config: Dicts, lists and values.
        kinds: Registries that its parts may be of.
        where: What to call the config in messages, with its file.

    Raises:
        ValueError: With the key, what stands there, and what to do.
    """
    for scope in {'mmfusenas', *_scopes_named(config)}.intersection(SCOPES):
        _register(scope, kinds)
    names = _registered(kinds)
    for path, key, value in _settings(config, ''):
        problem = _problem(key, value, names)
        if problem:
            raise InputError(
                f'{where} was not built: {path} is {repr(value)[:200]}, {problem}. A file may name registered parts of '
                f'{", ".join(SCOPES)} alone, because an import path would run code. Parts of your own come by '
                'custom_imports of a Python config; give it, and a checkpoint together with it.')


def _problem(key: str, value: Any, names: dict[str, set[str]]) -> str:
    """Return in words what is wrong with a setting; '' where nothing is."""
    if re.search(_QUOTE, key):
        return 'and its key would run where a config is written as Python'
    if key in _EXECUTED:
        return 'which would run' if isinstance(value, str) and not re.fullmatch(_EXECUTED[key], value) else ''
    if key in ('_scope_', 'default_scope'):
        return '' if value is None or value in (*SCOPES, *names) else 'which is no scope'
    if key != 'type':
        return ''
    if not isinstance(value, str):
        return 'which is no name'
    scope, _, name = value.rpartition('.')
    if name not in (names.get(scope, ()) if scope else _KNOWN.union(*names.values())):
        return 'which is not registered'
    # Where it stands another registry may be asked, which would import a module of that name.
    module = None if scope else find_spec(name)
    return f'which is also a module, {module.origin}' if module and module.origin else ''


def _settings(node: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Yield every key of nested dicts, with the path to it and what stands there."""
    if isinstance(node, dict):
        for key, value in node.items():
            inner = f'{path}.{key}' if path else str(key)
            yield inner, str(key), value
            yield from _settings(value, inner)
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _settings(value, f'{path}[{index}]')


def genotypes_named(config: Any) -> list[tuple[str, str]]:
    """Return the genotypes that nested dicts name, each with the path to it.

    Example:
        >>> genotypes_named(dict(scene=dict(genotype='tim-light'), task=dict(genotype=None)))
        [('scene.genotype', 'tim-light')]
    """
    return [(path, value) for path, key, value in _settings(config, '') if key == 'genotype' and isinstance(value, str)]


def _scopes_named(config: Any) -> set[str]:
    """Return what stands in the places of scopes."""
    found = [(key, value) for _, key, value in _settings(config, '') if isinstance(value, str)]
    return ({value for key, value in found if key in ('_scope_', 'default_scope')}
            | {value.partition('.')[0] for key, value in found if key == 'type' and '.' in value})


def _register(scope: str, kinds: tuple[Registry, ...]) -> None:
    """Import what registers the parts of a scope. Where that fails, building one of them says why."""
    with suppress(ImportError):
        import_module(f'{scope}.registry')
        for root in {registry.root for registry in kinds}:
            for registry in _below(root):
                if registry.scope == scope:
                    registry.import_from_location()


def _registered(kinds: tuple[Registry, ...]) -> dict[str, set[str]]:
    """Return the names that are registered by now, by scope."""
    names: dict[str, set[str]] = {}
    for root in {registry.root for registry in kinds}:
        for registry in _below(root):
            names.setdefault(registry.scope, set()).update(registry.module_dict)
    return names


def _below(registry: Registry) -> Iterator[Registry]:
    yield registry
    for child in list(registry.children.values()):  # importing one's parts may add others
        yield from _below(child)


def _mark_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _mark_tuples(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [_mark_tuples(inner) for inner in value]}
    return [_mark_tuples(inner) for inner in value] if isinstance(value, list) else value


def _restored(value: Any) -> Any:
    """Return checked data with its tuples, and without pretrained weights."""
    if isinstance(value, list):
        return [_restored(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_TUPLE}:
        return tuple(_restored(inner) for inner in value[_TUPLE])
    return {key: _restored(inner) for key, inner in value.items() if not _pretrained(key, inner)}


def _pretrained(key: str, value: Any) -> bool:
    return key == 'init_cfg' and isinstance(value, dict) and value.get('type') == 'Pretrained'
