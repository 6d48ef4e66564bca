# Four fusion tasks, one an epoch, patches of 64 x 64: the built-in scenes by day, at night, in glare, in fog.
load = []  # drawn
patch = dict(type='RandomPatch', size=(64, 64))
flip = dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal'])
pack = dict(type='PackPairInputs')
pipeline = [dict(type='JointTransform', transforms=[patch, flip]), pack]
tasks = [dict(type='SyntheticScenes', length=100, size=(128, 160), seed=0, conditions=[condition], pipeline=pipeline)
         for condition in ('day', 'night', 'glare', 'fog')]
# Halves for the weights and for the choices of a search; as many scenes as both have for what it finds.
halves = dict(weights=tasks, choices=[dict(task, seed=10) for task in tasks])
all_pairs = [dict(task, length=200) for task in tasks]
loader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
train_dataloader = dict(loader, dataset=dict(type='AlternatingDataset', datasets=halves['weights']))
search_dataloader = [dict(loader, dataset=task) for task in halves['choices']]
val_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SyntheticScenes', length=40, size=(128, 160), seed=1, test_mode=True,
        pipeline=[pack]))
test_dataloader = dict(val_dataloader, dataset=dict(val_dataloader['dataset'], seed=2))

val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
