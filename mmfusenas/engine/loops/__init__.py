from mmfusenas.engine.loops.meta_init_loop import MetaInitLoop
from mmfusenas.engine.loops.resumable_epoch_train_loop import ResumableEpochTrainLoop
from mmfusenas.engine.loops.resumable_iter_train_loop import ResumableIterTrainLoop

__all__ = ['MetaInitLoop', 'ResumableEpochTrainLoop', 'ResumableIterTrainLoop']
