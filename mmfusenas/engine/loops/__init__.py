from mmfusenas.engine.loops.resumable_epoch_train_loop import ResumableEpochTrainLoop
from mmfusenas.engine.loops.resumable_iter_train_loop import ResumableIterTrainLoop

__all__ = ['ResumableEpochTrainLoop', 'ResumableIterTrainLoop']
