# RUAS on ExDark, twelve classes (section 7.1, `EXDARK_ROOT`): long side 640, 60 epochs.
_base_ = [
    '../_base_/datasets/exdark_det.py', '../_base_/models/ruas_ssd.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
model = dict(task=dict(bbox_head=dict(num_classes=12)))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, convert_to_iter_based=True)]
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=10))
search = dict(  # for ssd_search.py
    weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)), shape=(640, 640), retrain={})
