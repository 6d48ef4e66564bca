# TIM on the MultiSpectral set (colour cone, car stop, car, person, bike); it needs split files, see the data set's config.
_base_ = [
    '../_base_/datasets/multispectral_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
# The fusion network was trained before, and goes slowly.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'scene': dict(lr_mult=0.1)}))
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', task_length=3))
