# Patches of the built-in road scenes, grey, shaken and noisy. Drawn from a seed, so nothing is loaded; no mmdet.
scenes = dict(type='SyntheticScenes', size=(160, 192), difficulty='normal', conditions=('day', ))
train_pipeline = [dict(type='BlurAndNoise', size=(64, 64)), dict(type='PackPairInputs')]
test_pipeline = [dict(type='BlurAndNoise', size=(128, 128), seed=0), dict(type='PackPairInputs')]
train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(scenes, length=1600, seed=0, pipeline=train_pipeline))
# Other seeds: no scene is seen twice.
val_dataloader, test_dataloader = (
    dict(batch_size=4, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
         dataset=dict(scenes, length=40, seed=seed, test_mode=True, pipeline=test_pipeline))
    for seed in (1, 2))

val_evaluator = dict(type='DeblurMetric')
test_evaluator = val_evaluator
