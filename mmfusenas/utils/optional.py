"""Parts that need an optional package.

``mmfusenas`` imports with torch, mmengine and mmcv alone. A subpackage that holds parts for mmdet or mmseg writes::

    from mmfusenas.utils.optional import available, register_missing

    if available('mmdet'):
        from .task_guided_detector import TaskGuidedDetector
    else:
        register_missing(MODELS, 'mmdet', 'TaskGuidedDetector')

so that the import never fails, and building ``TaskGuidedDetector`` without mmdet says what to install.
"""
from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import NoReturn

from mmengine.registry import Registry

from mmfusenas.core.errors import MissingPackageError

_EXTRAS = {'mmdet': 'det', 'mmseg': 'seg'}
# What is imported to find out: mmseg itself imports without mmcv's compiled operators, its parts do not.
_PROBES = {'mmseg': 'mmseg.utils'}


@cache
def import_error(package: str) -> str | None:
    """Return why ``package`` does not import, or None where it does.

    A package without mmcv's compiled operators is installed and yet fails to import, so it is really imported.
    """
    try:
        import_module(_PROBES.get(package, package))
    except (ImportError, AssertionError) as error:  # mmdet and mmseg assert the versions of mmcv and mmengine
        return f'{type(error).__name__}: {error}'
    return None


def available(package: str) -> bool:
    """Return whether ``package`` imports."""
    return import_error(package) is None


def register_missing(registry: Registry, package: str, *names: str) -> None:
    """Register ``names`` as parts that end in a clear ImportError when built.

    Args:
        registry: Registry the parts would have been in.
        package: Package that they need and that does not import.
        names: Registered names of the parts.
    """
    for name in names:

        def build(*args, _name: str = name, **kwargs) -> NoReturn:
            raise MissingPackageError(
                f'{_name} needs {package}, which does not import here ({import_error(package)}). '
                f"Install it in the checkout: `make env`, or pip install -e '.[{_EXTRAS[package]}]'."
            )

        registry.register_module(name=name, module=build)
