# What the sets of pairs for enhancement and restoration share: patches of 128 x 128, whole images in a test.
load, pack = dict(type='LoadPairFromFile'), dict(type='PackPairInputs')
patch = dict(type='RandomPatch', size=(128, 128))
train_pipeline = [
    load,
    dict(type='JointTransform', transforms=[
        patch, dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal'])]),
    pack,
]
# For restoration, with turns by 90 degrees.
turn = dict(type='JointTransform', transforms=[
    patch, dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')])
turned_pipeline = [load, turn, pack]
test_pipeline = [load, pack]
loader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False))
# What a search shows the weights, and the choices.
search_split = dict(weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)))

val_evaluator = dict(type='ImageQualityMetric')
test_evaluator = val_evaluator
