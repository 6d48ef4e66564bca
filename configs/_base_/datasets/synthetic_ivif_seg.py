# The built-in road scenes with segmentation maps of eleven classes. Drawn from a seed, so nothing is loaded.
dataset_type = 'SyntheticSegScenes'
size = (128, 160)  # height, width

train_pipeline = [
    dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairSegInputs'),
]
test_pipeline = [dict(type='PackPairSegInputs')]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type=dataset_type, length=2000, size=size, seed=0, difficulty='normal', pipeline=train_pipeline))
# Other seeds: no scene is seen twice.
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        length=200,
        size=size,
        seed=1,
        difficulty='normal',
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        length=200,
        size=size,
        seed=2,
        difficulty='normal',
        test_mode=True,
        pipeline=test_pipeline))

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
