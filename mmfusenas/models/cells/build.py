"""Cells by their registered names."""
from __future__ import annotations

from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.core.names import nearest
from mmfusenas.registry import CELLS


def build_cell(name: str, **kwargs) -> nn.Module:
    """Build the cell registered as ``name``.

    Args:
        name: Registered name (``'successive'``).
        kwargs: Arguments of the cell (``channels``, ``operators``).

    Raises:
        ValueError: If no cell of that name is registered; the message names the nearest one.

    Example:
        >>> type(build_cell('successive', channels=8, operators=['rb_3', 'ca_3'])).__name__
        'SuccessiveCell'
        >>> build_cell('successiv')
        Traceback (most recent call last):
        mmfusenas.core.errors.InputError: Unknown cell 'successiv'; the nearest is 'successive'. Registered: ...
    """
    cell = CELLS.module_dict.get(name)  # the registry's own get() would import what is not registered
    if cell is None:
        known = sorted(CELLS.module_dict)
        raise InputError(
            f'Unknown cell {name!r}{nearest(name, known)}. Registered: {known}. A cell of your own needs '
            '@CELLS.register_module(name=...) and its module in custom_imports.'
        )
    return cell(**kwargs)
