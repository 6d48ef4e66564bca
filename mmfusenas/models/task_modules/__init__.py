from mmfusenas.registry import TASK_UTILS
from mmfusenas.utils.optional import available, register_missing

if available('mmdet'):
    from mmfusenas.models.task_modules.scale_compensation_assigner import ScaleCompensationAssigner

    __all__ = ['ScaleCompensationAssigner']
else:
    register_missing(TASK_UTILS, 'mmdet', 'ScaleCompensationAssigner')
