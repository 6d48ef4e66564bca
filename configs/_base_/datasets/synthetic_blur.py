# Patches of the built-in road scenes, grey, shaken and noisy. Drawn from a seed, so nothing is loaded; no mmdet.
# TEST_NOISE in the environment is the noise of a test, over the full range: a level (0.01), or two (0.01,0.05) to draw
# between.
levels = [float(level) for level in '{{$TEST_NOISE:0.01,0.05}}'.split(',')]
scenes = dict(type='SyntheticScenes', size=(160, 192), difficulty='normal', conditions=('day', ))
blur, pack = dict(type='BlurAndNoise'), dict(type='PackPairInputs')
val_blur = dict(blur, seed=0)
test_blur = dict(val_blur, noise=(min(levels), max(levels)))
train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(scenes, length=1600, seed=0, pipeline=[dict(blur, size=(64, 64)), pack]))
# Other seeds: no scene is seen twice.
val_dataloader, test_dataloader = (
    dict(batch_size=4, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
         dataset=dict(scenes, length=40, seed=seed, test_mode=True, pipeline=[dict(degrade, size=(128, 128)), pack]))
    for seed, degrade in ((1, val_blur), (2, test_blur)))

val_evaluator = dict(type='DeblurMetric')
test_evaluator = val_evaluator
