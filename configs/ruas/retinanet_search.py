# Cooperative search of the scene module and of a RetinaNet's neck: any detector with a searchable part will do.
_base_ = './retinanet.py'
model = dict(
    scene=dict(genotype=None),
    task=dict(neck=dict(
        _delete_=True, type='mmfusenas.FeatureDistillationNeck', out_channels=64, channels=64, num_outs=4)))
train_dataloader = dict(batch_size=4, dataset=dict(length=1000))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=4, dataset=dict(_base_.train_dataloader.dataset, length=1000, seed=10))
# The alternation of the search takes the place of the stages of the training.
default_hooks = dict(
    {name: hook for name, hook in _base_.default_hooks.items() if name != 'guidance'}, _delete_=True,
    search=dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=0.1, interval=10,
                alternation=[dict(stage='scene', iters=50), dict(stage='task', iters=100)],
                optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=5e-4)),
    export=dict(type='GenotypeExportHook', shape=(128, 160), retrain_as='{{fileDirname}}/retinanet.py'))
