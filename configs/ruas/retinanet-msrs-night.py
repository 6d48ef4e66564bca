# RUAS in front of a RetinaNet, on what MSRS's visible camera sees at night (`MSRS_ROOT`); half size, for a CPU. A hundred
# pictures are few: both begin from weights, the scene module from the bundled one, which was trained without labels.
_base_ = [
    '../_base_/datasets/msrs_night_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
train_dataloader, val_dataloader = _base_.train_dataloader, _base_.val_dataloader
for pipeline in (train_dataloader.dataset.pipeline, val_dataloader.dataset.pipeline):
    pipeline[2].transforms[0].scale = (320, 320)
del pipeline
test_dataloader = val_dataloader
model = dict(
    eta=0.0, norm_eval=False,
    scene=dict(_delete_=True, type='RUASScene', genotype='ruas-scene', loss=dict(type='RTVSceneLoss'),
               init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://ruas-lol', prefix='scene.')),
    task=dict(backbone=dict(frozen_stages=-1), bbox_head=dict(num_classes=3)))
train_cfg = dict(max_epochs=40, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, end=40, convert_to_iter_based=True)]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='joint')]),
]
