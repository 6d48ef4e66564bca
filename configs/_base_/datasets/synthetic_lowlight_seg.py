# The built-in road scenes in little light with segmentation maps of eleven classes. Drawn from a seed.
scenes = dict(type='SyntheticLowLightSegScenes', size=(128, 160), difficulty='normal')  # height, width
train_pipeline = [
    dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairSegInputs'),
]
test_pipeline = [dict(type='PackPairSegInputs')]
train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(scenes, length=2000, seed=0, pipeline=train_pipeline))
# Other seeds: no scene is seen twice.
val_dataloader, test_dataloader = (
    dict(batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
         dataset=dict(scenes, length=200, seed=seed, test_mode=True, pipeline=test_pipeline))
    for seed in (1, 2))

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
