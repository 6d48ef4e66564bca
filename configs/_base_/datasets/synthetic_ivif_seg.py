# The built-in road scenes with segmentation maps of eleven classes.
_base_ = ['./synthetic_scenes.py', './failures.py']
train_pipeline = [
    *_base_.failures,
    dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairSegInputs'),
]
test_pipeline = [dict(type='PackPairSegInputs')]
scenes = dict(_base_.scenes, type='SyntheticSegScenes')
train_dataloader = dict(_base_.loader, dataset=dict(scenes, **_base_.seeds.train, pipeline=train_pipeline))
val_dataloader, test_dataloader = (
    dict(_base_.test_loader, dataset=dict(scenes, **_base_.seeds[part], pipeline=test_pipeline))
    for part in ('val', 'test'))

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
