# The built-in road scenes without boxes, for fusion alone; needs no mmdet.
_base_ = './synthetic_scenes.py'
train_pipeline = [
    dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairInputs'),
]
test_pipeline = [dict(type='PackPairInputs')]
scenes = dict(_base_.scenes, type='SyntheticScenes')
train_dataloader = dict(_base_.loader, dataset=dict(scenes, **_base_.seeds.train, pipeline=train_pipeline))
val_dataloader, test_dataloader = (
    dict(_base_.test_loader, dataset=dict(scenes, **_base_.seeds[part], pipeline=test_pipeline))
    for part in ('val', 'test'))

# At every validation the quick ones, in a test those of TIM's tables 1 and 2.
val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
