# Visual enhancement of infrared and visible images (section 4.2) on the built-in scenes, N_F and N_T jointly.
_base_ = [
    '../_base_/models/tim_enhancement.py', '../_base_/datasets/synthetic_ivif_fusion.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-4), paramwise_cfg=None)
