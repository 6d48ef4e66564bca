# TIM for segmentation: the fusion network, trained alone first, and the segmentor that guides it.
_base_ = [
    '../_base_/datasets/synthetic_ivif_seg.py', '../_base_/models/tim_resnet18.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
# The bundled weights have been trained with l_F already: the segmentor first learns to see their pictures, then guides
# them, and in the end settles on what they have become.
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[
        dict(stage='task', end=3), dict(stage='joint', end=9), dict(stage='task')]),
]
