# TIM for segmentation: the fusion network, trained alone first, and the segmentor that guides it.
_base_ = [
    '../_base_/datasets/synthetic_ivif_seg.py', '../_base_/models/tim_resnet18.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
# The fusion network was trained before, and goes slowly.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'scene': dict(lr_mult=0.1)}))
# The bundled weights have been trained with l_F already: the segmentor first learns to see their images, then both go on
# together to the end (algorithm 1).
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', task_length=3))
