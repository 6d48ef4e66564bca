"""Hooks, loops and optimizer wrappers for MMEngine's Runner."""
from mmfusenas.engine import hooks, loops, optimizers, strategies

__all__ = ['hooks', 'loops', 'optimizers', 'strategies']
