# The built-in road scenes in drawn rain. Drawn from a seed, so nothing is loaded; no mmdet.
_base_ = './synthetic_blur.py'
rain = dict(type='RainStreaks')
patch = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(64, 64)), dict(type='RandomFlip', prob=0.5)])
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=[rain, patch, _base_.pack]))
val_dataloader = dict(dataset=dict(size=(128, 160), pipeline=[dict(rain, seed=0), _base_.pack]))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='ImageQualityMetric')
test_evaluator = val_evaluator
