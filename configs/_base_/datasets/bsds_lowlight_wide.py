# BSDS500's images made dark, with the spread of grey levels of dark images in the web: a power of them as well as less
# light; one in three is hardly darker. Patches are of smaller images too, so that they know how dark their image is.
_base_ = './bsds_lowlight.py'
dark = dict(type='Darken', exposure=(0.005, 1.0), power=(1.0, 2.5))
mild = dict(type='Darken', exposure=(0.36, 1.0), power=(1.0, 1.3))
darken = dict(type='RandomChoice', transforms=[[dark], [mild]], prob=[2 / 3, 1 / 3])
resize = dict(type='RandomResize', scale=(481, 321), ratio_range=(0.41, 1.0), keep_ratio=True, interpolation='area')
turn = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(128, 128)), dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')])
train_dataloader = dict(batch_size=3, dataset=dict(pipeline=[_base_.load, resize, turn, darken, _base_.pack]))
val_dataloader = dict(dataset=dict(pipeline=[_base_.load, dict(dark, seed=0), _base_.pack]))
