# The built-in road scenes in drawn rain. Drawn from a seed, so nothing is loaded; no mmdet.
_base_ = './synthetic_blur.py'
size = dict(size=(128, 160))
val_dataloader = dict(dataset=dict(size, pipeline=[dict(type='RainStreaks', seed=0), dict(type='PackPairInputs')]))
test_dataloader = val_dataloader
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=[
    dict(type='RainStreaks'),
    dict(type='JointTransform', transforms=[dict(type='RandomPatch', size=(64, 64)),
                                            dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairInputs')]))
val_evaluator = dict(_delete_=True, type='ImageQualityMetric')
test_evaluator = val_evaluator
