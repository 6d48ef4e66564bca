# The built-in road scenes with boxes: color cone, car stop, car, person, bike.
_base_ = ['./synthetic_scenes.py', './failures.py']
train_pipeline = [
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    *_base_.failures,
    dict(type='JointTransform', transforms=[dict(type='mmdet.RandomFlip', prob=0.5)]),
    dict(type='PackPairDetInputs'),
]
test_pipeline = [
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='PackPairDetInputs', meta_keys=['condition']),
]
scenes = dict(_base_.scenes, type='SyntheticScenes')
train_dataloader = dict(_base_.loader, dataset=dict(scenes, **_base_.seeds.train, pipeline=train_pipeline))
val_dataloader, test_dataloader = (
    dict(_base_.test_loader, dataset=dict(scenes, **_base_.seeds[part], pipeline=test_pipeline))
    for part in ('val', 'test'))

val_evaluator = dict(type='DetectionMetric', metric='bbox', classwise=True)
test_evaluator = val_evaluator
