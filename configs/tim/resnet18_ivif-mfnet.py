# TIM on MFNet as in the paper: batch 2, SGD from 1e-2 by a cosine to 1e-8, 240 epochs.
_base_ = [
    '../_base_/datasets/mfnet_seg.py', '../_base_/models/tim_resnet18.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
model = dict(task=dict(decode_head=dict(num_classes=9)))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=1e-2, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(_delete_=True, custom_keys={'scene': dict(lr_mult=0.1)}))
train_cfg = dict(max_epochs=240, val_interval=10)
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min=1e-8, by_epoch=True, begin=0, convert_to_iter_based=True)]
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', task_length=40))
