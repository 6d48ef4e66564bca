from mmfusenas.registry import MODELS
from mmfusenas.utils.optional import available, register_missing

if available('mmdet'):
    from mmfusenas.models.detectors.task_guided_detector import TaskGuidedDetector

    __all__ = ['TaskGuidedDetector']
else:
    register_missing(MODELS, 'mmdet', 'TaskGuidedDetector')
