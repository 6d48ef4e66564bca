# TIM on the MultiSpectral set (colour cone, car stop, car, person, bike); it needs split files, see the data set's config.
_base_ = [
    '../_base_/datasets/multispectral_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[
        dict(stage='task', end=3), dict(stage='joint', end=9), dict(stage='task')]),
]
