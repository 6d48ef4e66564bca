# Four fusion tasks that take turns by epoch, patches of 64 x 64: the built-in scenes by day, at night, in glare, in fog.
pipeline = [
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(64, 64)),
        dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal']),
    ]),
    dict(type='PackPairInputs'),
]
# One half for the weights, the other (`halves[1]`) for the choices of a search.
halves = [
    [dict(type='SyntheticScenes', length=100, size=(128, 160), seed=seed, conditions=[condition], pipeline=pipeline)
     for condition in ('day', 'night', 'glare', 'fog')]
    for seed in (0, 10)
]
loader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
train_dataloader = dict(loader, dataset=dict(type='AlternatingDataset', datasets=halves[0]))
search_dataloader = [dict(loader, dataset=task) for task in halves[1]]
val_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SyntheticScenes', length=40, size=(128, 160), seed=1, test_mode=True,
        pipeline=[dict(type='PackPairInputs')]))
test_dataloader = dict(val_dataloader, dataset=dict(val_dataloader['dataset'], seed=2))

val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
