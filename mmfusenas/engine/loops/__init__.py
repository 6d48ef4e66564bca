from mmfusenas.engine.loops.evolution_search_loop import EvolutionSearchLoop
from mmfusenas.engine.loops.meta_init_loop import MetaInitLoop
from mmfusenas.engine.loops.resumable_epoch_train_loop import ResumableEpochTrainLoop
from mmfusenas.engine.loops.resumable_iter_train_loop import ResumableIterTrainLoop

__all__ = ['EvolutionSearchLoop', 'MetaInitLoop', 'ResumableEpochTrainLoop', 'ResumableIterTrainLoop']
