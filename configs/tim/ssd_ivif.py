# TIM in front of SSD300: images of 300 x 300, the detector from scratch.
_base_ = [
    '../_base_/datasets/synthetic_ivif_det.py', '../_base_/models/tim_ssd.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
size = (300, 300)
train_dataloader = dict(dataset=dict(size=size))
val_dataloader = dict(dataset=dict(size=size))
test_dataloader = dict(dataset=dict(size=size))
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=1))
