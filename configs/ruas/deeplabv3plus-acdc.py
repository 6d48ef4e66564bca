# RUAS on ACDC's streets at night, Cityscapes' 19 classes (section 7.2, `ACDC_ROOT`).
_base_ = [
    '../_base_/datasets/acdc_seg.py', '../_base_/models/ruas_deeplabv3plus.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
model = dict(task=dict(decode_head=dict(num_classes=19)))
train_cfg = dict(max_epochs=100, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, convert_to_iter_based=True)]
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=5))
search = dict(weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)), interval=1, shape=(540, 960),
              param_scheduler=param_scheduler)  # for deeplabv3plus_search.py
