# The built-in road scenes in little light with boxes: color cone, car stop, car, person, bike. Drawn from a seed.
scenes = dict(type='SyntheticLowLightScenes', size=(128, 160), difficulty='normal')  # height, width
train_pipeline = [
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[dict(type='mmdet.RandomFlip', prob=0.5)]),
    dict(type='PackPairDetInputs'),
]
test_pipeline = [dict(type='mmdet.LoadAnnotations', with_bbox=True), dict(type='PackPairDetInputs')]
train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(scenes, length=2000, seed=0, pipeline=train_pipeline))
# Other seeds: no scene is seen twice.
val_dataloader, test_dataloader = (
    dict(batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
         dataset=dict(scenes, length=200, seed=seed, test_mode=True, pipeline=test_pipeline))
    for seed in (1, 2))

val_evaluator = dict(type='DetectionMetric', metric='bbox', classwise=True)
test_evaluator = val_evaluator
