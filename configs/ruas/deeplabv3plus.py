# RUAS for segmentation, hierarchical, on the built-in scenes in little light.
_base_ = [
    '../_base_/datasets/synthetic_lowlight_seg.py', '../_base_/models/ruas_deeplabv3plus.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=2), dict(stage='joint')]),
]
