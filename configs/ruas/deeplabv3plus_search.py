# Cooperative search of the scene module and of DeepLabV3+'s feature conversion (sections 4 and 7.2), 30 epochs. RECIPE in
# the environment is the training of what is found: ./deeplabv3plus.py or ./deeplabv3plus-acdc.py.
_base_ = '{{$RECIPE:./deeplabv3plus.py}}'
search = _base_.search
model = dict(scene=dict(genotype=None), task=dict(decode_head=dict(genotype=None)))
train_dataloader = dict(batch_size=2, dataset=search.weights)  # two: the pooled branch has BatchNorm on one pixel
search_dataloader = dict(
    _base_.train_dataloader, batch_size=2, dataset=dict(_base_.train_dataloader.dataset, **search.choices))
train_cfg = dict(max_epochs=30, val_interval=10)
param_scheduler = search.param_scheduler
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4), paramwise_cfg=None)
# The alternation of the search takes the place of the stages of the training.
default_hooks = dict(
    {name: hook for name, hook in _base_.default_hooks.items() if name != 'guidance'}, _delete_=True,
    search=dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=0.1, interval=search.interval,
                alternation=[dict(stage='scene', iters=50), dict(stage='task', iters=100)],
                optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=5e-4)),
    export=dict(type='GenotypeExportHook', shape=search.shape,
                retrain_as='{{fileDirname}}/{{$RECIPE:./deeplabv3plus.py}}'))
