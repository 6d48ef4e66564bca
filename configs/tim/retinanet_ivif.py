# TIM for detection: the fusion network, trained alone first, and the detector that guides it (paper, eq. 1-2).
_base_ = [
    '../_base_/datasets/synthetic_ivif_det.py', '../_base_/models/tim_retinanet.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
# The bundled weights have been trained with l_F already: the detector first learns to see their pictures, then guides
# them, and in the end settles on what they have become.
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[
        dict(stage='task', end=3), dict(stage='joint', end=9), dict(stage='task')]),
]
