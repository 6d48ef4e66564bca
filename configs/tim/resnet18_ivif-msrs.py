# TIM on MSRS with its segmentation maps; FOLD=0/4: the first of four folds.
_base_ = [
    '../_base_/datasets/msrs_seg.py', '../_base_/models/tim_resnet18.py', '../_base_/schedules/adamw_2k.py'
]
model = dict(task=dict(decode_head=dict(num_classes=9)))
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', task_length=600, by_epoch=False))
