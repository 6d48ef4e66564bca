# Cooperative search on ExDark (sections 4 and 7.1): 30 epochs, batch 1, one half of the pictures for each level.
_base_ = './ssd-exdark.py'
model = dict(scene=dict(genotype=None), task=dict(neck=dict(genotype=None), bbox_head=dict(genotype=None)))
train_dataloader = dict(batch_size=1, dataset=dict(fold=(0, 2)))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, fold=(1, 2)))
train_cfg = dict(max_epochs=30, val_interval=10)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4), paramwise_cfg=None)
cosine = dict(_base_.param_scheduler[1], end=30)
param_scheduler = [_base_.param_scheduler[0], cosine]
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=0.1, interval=10,
         turns=[dict(stage='scene', iters=50), dict(stage='task', iters=100)],
         optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=5e-4)),
    dict(type='GenotypeExportHook', shape=(640, 640), retrain_as='{{fileDirname}}/ssd-exdark.py')]
