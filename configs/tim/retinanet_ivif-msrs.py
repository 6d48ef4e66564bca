# TIM on MSRS road scenes (person, bicycle, car), at half size so that a CPU trains it within an hour.
_base_ = [
    '../_base_/datasets/msrs_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
train_dataloader, val_dataloader = _base_.train_dataloader, _base_.val_dataloader
for loader in (train_dataloader, val_dataloader):
    loader.batch_size = 4
    loader.dataset.pipeline[2].transforms[0].scale = (320, 240)
del loader
test_dataloader = val_dataloader
model = dict(task=dict(
    backbone=dict(frozen_stages=-1),  # every level is trained, as for the figures of README.md
    bbox_head=dict(num_classes=3)))
train_cfg = dict(max_epochs=16, val_interval=8)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, end=16, convert_to_iter_based=True),
]
# As in retinanet_ivif_demo.py: the detector learns to see the bundled network's pictures, guides them, and settles.
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[
        dict(stage='task', end=4), dict(stage='joint', end=8), dict(stage='task')]),
]
