# What the sets of pairs for restoration share: patches of 128 x 128, flipped and turned, whole pictures in a test.
train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(128, 128)), dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')]),
    dict(type='PackPairInputs'),
]
test_pipeline = [dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]
loader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False))

val_evaluator = dict(type='ImageQualityMetric')
test_evaluator = val_evaluator
