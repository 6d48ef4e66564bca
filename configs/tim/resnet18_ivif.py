# TIM for segmentation: the fusion network alone first, then jointly with the segmentor that guides it.
_base_ = [
    '../_base_/datasets/synthetic_ivif_seg.py', '../_base_/models/tim_resnet18.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=1), dict(stage='joint')]),
]
