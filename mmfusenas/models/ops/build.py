"""Candidate operators by their short names."""
from __future__ import annotations

import inspect
import re

from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.core.names import nearest
from mmfusenas.registry import OPERATORS


def build_operator(name: str, channels: int, **kwargs) -> nn.Module:
    """Build a candidate operator from its short name.

    A short name is the registered name of the operator and its kernel size: ``'rb_3'`` is the paper's 3-RB. A dilation
    rate may follow, ``'c_3d6'``. An operator without a kernel (``'skip'``) has the bare name.

    Args:
        name: Short name.
        channels: Channels in and out.
        kwargs: Further arguments of the operator (``norm_cfg`` of the operators of C_FD).

    Raises:
        ValueError: If no operator of that name is registered (the message names the nearest one), or the kernel is
            even, missing, or given to an operator that has none, as may be a dilation rate.

    Example:
        >>> type(build_operator('rb_3', channels=48)).__name__
        'ResidualBlock'
        >>> build_operator('rb_4', channels=48)
        Traceback (most recent call last):
        mmfusenas.core.errors.InputError: Candidate operator 'rb_4': only an odd kernel keeps the size of the features.
    """
    match = re.fullmatch(r'(.+)_(\d+)(?:d(\d+))?', name)
    kind, kernel = (match[1], dict(kernel_size=int(match[2]))) if match else (name, {})
    operator = OPERATORS.module_dict.get(kind)  # the registry's own get() would import what is not registered
    if operator is None:
        known = sorted(OPERATORS.module_dict)
        raise InputError(
            f'Unknown candidate operator {name!r}{nearest(kind, known)}. Registered: {known}, followed by _KERNEL '
            '(rb_3). An operator of your own needs @OPERATORS.register_module(name=...) and its module in '
            'custom_imports.'
        )
    if bool(kernel) != ('kernel_size' in inspect.signature(operator).parameters):
        problem = 'it has no kernel' if kernel else 'its kernel is missing, as in rb_3'
        raise InputError(f'Candidate operator {name!r}: {problem}.')
    if kernel and kernel['kernel_size'] % 2 == 0:
        raise InputError(f'Candidate operator {name!r}: only an odd kernel keeps the size of the features.')
    if match and match[3]:
        if 'dilation' not in inspect.signature(operator).parameters:
            raise InputError(f'Candidate operator {name!r}: {kind} takes no dilation rate.')
        kernel['dilation'] = int(match[3])
    return operator(channels=channels, **kernel, **kwargs)
