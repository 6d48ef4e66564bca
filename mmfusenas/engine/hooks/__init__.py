from mmfusenas.engine.hooks.loss_guard_hook import LossGuardHook
from mmfusenas.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook

__all__ = ['LossGuardHook', 'SafeCheckpointHook']
