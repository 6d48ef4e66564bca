# The same on RoadScene, patches of 64 x 64, 100 epochs as in the paper.
_base_ = [
    '../_base_/models/tim_enhancement.py', '../_base_/datasets/roadscene_fusion.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(64, 64)),
        dict(type='RandomFlip', prob=[0.25, 0.25], direction=['horizontal', 'vertical']),
    ]),
    dict(type='PackPairInputs'),
]
train_dataloader = dict(batch_size=8, dataset=dict(filter_cfg=dict(min_size=64), pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-4), paramwise_cfg=None)
train_cfg = dict(max_epochs=100, val_interval=10)
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, end=100, convert_to_iter_based=True),
]
