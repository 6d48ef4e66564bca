# TIM for detection: the fusion network alone first, then jointly with the detector that guides it (paper, eq. 1-2).
_base_ = [
    '../_base_/datasets/synthetic_ivif_det.py', '../_base_/models/tim_retinanet.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=1), dict(stage='joint')]),
]
