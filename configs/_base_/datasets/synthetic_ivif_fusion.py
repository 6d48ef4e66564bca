# The built-in road scenes without boxes, for fusion alone; needs no mmdet.
dataset_type = 'SyntheticScenes'
size = (128, 160)  # height, width

train_pipeline = [
    dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairInputs'),
]
test_pipeline = [dict(type='PackPairInputs')]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type=dataset_type, length=2000, size=size, seed=0, difficulty='normal', pipeline=train_pipeline))
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

# At every validation the quick ones, in a test those of TIM's tables 1 and 2.
val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
