# Cooperative search of the scene module and of SSD's neck and head (sections 4 and 7.1): 30 epochs, batch 1. The
# backbone is as it is, and trains along. The supernet has about 100 M weights beside the backbone. RECIPE in the
# environment is the training of what is found: ./ssd.py, ./ssd-darkface.py or ./ssd-exdark.py.
_base_ = '{{$RECIPE:./ssd.py}}'
search = _base_.search
model = dict(scene=dict(genotype=None), task=dict(neck=dict(genotype=None), bbox_head=dict(genotype=None)))
train_dataloader = dict(batch_size=1, dataset=search.weights)
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, **search.choices))
train_cfg = dict(max_epochs=30, val_interval=10)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4), paramwise_cfg=None)
# The alternation of the search takes the place of the stages of the training.
default_hooks = dict(
    {name: hook for name, hook in _base_.default_hooks.items() if name != 'guidance'}, _delete_=True,
    search=dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=0.1, interval=10,
                alternation=[dict(stage='scene', iters=50), dict(stage='task', iters=100)],
                optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=5e-4)),
    export=dict(type='GenotypeExportHook', shape=search.shape, retrain_as='{{fileDirname}}/{{$RECIPE:./ssd.py}}',
                retrain=search.retrain))
