from mmfusenas.registry import MODELS
from mmfusenas.utils.optional import available, register_missing

if available('mmseg'):
    from mmfusenas.models.segmentors.task_guided_segmentor import TaskGuidedSegmentor

    __all__ = ['TaskGuidedSegmentor']
else:
    register_missing(MODELS, 'mmseg', 'TaskGuidedSegmentor')
