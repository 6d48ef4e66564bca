# Cooperative search of scene module and noise removal (section 4, algorithm 1), batch 1, 20 epochs: weights on one half
# of the dark images, choices on the other. RECIPE in the environment is the training of what is found: ./enhance.py,
# ./enhance_unpaired.py, ./enhance_lol.py or ./enhance_fivek.py. beta is such that both terms of the scene's gradient
# are about equally long: at 1 noise removal would have no say.
_base_ = '{{$RECIPE:./enhance.py}}'
search = _base_.search
model = dict(scene=dict(genotype=None), task=dict(genotype=None), estimation=None, denoise='always')
train_dataloader = dict(batch_size=1, dataset=search.weights)
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, **search.choices))
train_cfg = dict(max_epochs=20, val_interval=search.val_interval)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=3e-4))
param_scheduler = [dict(type='CosineAnnealingLR', eta_min_ratio=search.eta_min_ratio, by_epoch=True, begin=0,
                        convert_to_iter_based=True)]
# The alternation of the search takes the place of the stages of the training.
default_hooks = dict(
    {name: hook for name, hook in _base_.default_hooks.items() if name != 'guidance'}, _delete_=True,
    search=dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=1000,
                alternation=[dict(stage='scene', iters=10), dict(stage='task', iters=search.task_iters)],
                optimizer=dict(type='Adam', lr=search.lr, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=(400, 600), retrain_as='{{fileDirname}}/{{$RECIPE:./enhance.py}}',
                retrain={'model.estimation': dict(_delete_=True, type='NoiseEstimation'), 'model.denoise': 'adaptive'}))
