# What the sets of pairs for restoration share: those of the dark pictures, with turns by 90 degrees.
_base_ = './lowlight_patches.py'
train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(128, 128)), dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')]),
    dict(type='PackPairInputs'),
]
