# RUAS on what MSRS's visible camera sees at night (`MSRS_ROOT`): person, bicycle, car; half size, for a CPU.
_base_ = [
    '../_base_/datasets/msrs_night_det.py', '../_base_/models/ruas_ssd.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
train_dataloader, val_dataloader = _base_.train_dataloader, _base_.val_dataloader
for loader in (train_dataloader, val_dataloader):
    loader.dataset.pipeline[2].transforms[0].scale = (320, 320)
del loader
test_dataloader = val_dataloader
model = dict(task=dict(bbox_head=dict(num_classes=3)))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=24, val_interval=8)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, end=24, convert_to_iter_based=True)]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=2), dict(stage='joint')]),
]
