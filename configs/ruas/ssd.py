# RUAS for detection, hierarchical (table 6, third row): the scene module first, without labels, then all by the loss of
# detection. On the built-in scenes in little light, S3FD's VGG16 from scratch.
_base_ = [
    '../_base_/datasets/synthetic_lowlight_det.py', '../_base_/models/ruas_ssd.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(lr=5e-4))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=2), dict(stage='joint')]),
]
