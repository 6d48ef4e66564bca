"""Hooks, loops and optimizer wrappers for MMEngine's Runner.

Importing this also makes MMEngine load checkpoints and YAML files without running code from them, in the whole process
(:mod:`mmfusenas.utils.checkpoint`, :mod:`~mmfusenas.utils.remote_weights`, :mod:`~mmfusenas.utils.config_files`).
"""
from mmfusenas.engine import hooks, loops, optimizers
from mmfusenas.utils import config_files  # noqa: F401  makes mmengine read YAML safely
from mmfusenas.utils.checkpoint import register_safe_loading
from mmfusenas.utils.remote_weights import register_remote_loading

__all__ = ['hooks', 'loops', 'optimizers']

register_safe_loading()
register_remote_loading()
