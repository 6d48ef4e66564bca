# The built-in scenes: a target of another kind, degraded by SCALE of the environment (default 8), guided by the visible
# image. `target` is 'depth' (metres), 'thermal' or 'saliency', in all three parts.
scale = int('{{$SCALE:8}}')
scenes = dict(type='SyntheticGuidedScenes', target='depth', size=(128, 160))
degrade, pack = dict(type='DegradeTarget', scale=scale), dict(type='PackPairInputs')
flip = dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)])
train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(scenes, length=1000, seed=0, pipeline=[degrade, flip, pack]))
# What the supernet's predictor and the search of paths look at.
held_out = dict(scenes, length=32, seed=1, test_mode=True, pipeline=[degrade, pack])
val_dataloader = dict(
    batch_size=1, num_workers=1, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(scenes, length=100, seed=2, test_mode=True, pipeline=[degrade, pack]))
test_dataloader = val_dataloader
val_evaluator = dict(type='GuidedSRMetric')
test_evaluator = val_evaluator
