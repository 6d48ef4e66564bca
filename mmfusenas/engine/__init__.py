"""Hooks, loops and optimizer wrappers for MMEngine's Runner.

Importing this also makes MMEngine load local checkpoint files without running code from them, in the whole process
(:mod:`mmfusenas.utils.checkpoint`).
"""
from mmfusenas.engine import hooks, loops, optimizers
from mmfusenas.utils.checkpoint import register_safe_loading

__all__ = ['hooks', 'loops', 'optimizers']

register_safe_loading()
