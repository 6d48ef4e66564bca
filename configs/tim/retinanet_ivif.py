# TIM for detection: the fusion network, trained alone first, and the detector that guides it (paper, eq. 1-2).
_base_ = [
    '../_base_/datasets/synthetic_ivif_det.py', '../_base_/models/tim_retinanet.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
# The fusion network was trained before, and goes slowly.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'scene': dict(lr_mult=0.1)}))
# The bundled weights have been trained with l_F already: the detector first learns to see their images, then both go on
# together to the end (algorithm 1).
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', task_length=3))
