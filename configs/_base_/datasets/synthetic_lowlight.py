# The built-in road scenes in little light, with clean references. Drawn from a seed, so nothing is loaded; no mmdet.
scenes = dict(type='SyntheticLowLightScenes', size=(128, 160), difficulty='normal')  # height, width
train_pipeline = [
    dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairInputs'),
]
test_pipeline = [dict(type='PackPairInputs')]
train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(scenes, length=2000, seed=0, pipeline=train_pipeline))
# Other seeds: no scene is seen twice.
val_dataloader, test_dataloader = (
    dict(batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
         dataset=dict(scenes, length=200, seed=seed, test_mode=True, pipeline=test_pipeline))
    for seed in (1, 2))

val_evaluator = dict(type='ImageQualityMetric')
test_evaluator = val_evaluator
