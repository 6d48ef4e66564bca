# What the sets of real pictures with boxes share: long sides of 640, flips in training.
scale = (640, 640)  # width, height that pictures are brought into, keeping their ratio
train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[
        dict(type='mmdet.Resize', scale=scale, keep_ratio=True),
        dict(type='mmdet.RandomFlip', prob=0.5),
    ]),
    dict(type='PackPairDetInputs'),
]
test_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[dict(type='mmdet.Resize', scale=scale, keep_ratio=True)]),
    dict(type='PackPairDetInputs'),
]
loader = dict(
    batch_size=4, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False))
filter_cfg = dict(filter_empty_gt=True, min_size=32)

val_evaluator = dict(type='DetectionMetric', metric='bbox', classwise=True)
test_evaluator = val_evaluator
