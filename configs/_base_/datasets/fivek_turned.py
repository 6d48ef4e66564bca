# The same with turns by 90 degrees.
_base_ = './fivek.py'
train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(128, 128)), dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')]),
    dict(type='PackPairInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
