# Cooperative search of the feature conversion on ACDC at night (sections 4 and 7.2): 30 epochs, one half for each level.
_base_ = './deeplabv3plus-acdc.py'
model = dict(scene=dict(genotype=None), task=dict(decode_head=dict(genotype=None)))
train_dataloader = dict(batch_size=2, dataset=dict(fold=(0, 2)))  # two: the pooled branch has BatchNorm on one pixel
search_dataloader = dict(
    _base_.train_dataloader, batch_size=2, dataset=dict(_base_.train_dataloader.dataset, fold=(1, 2)))
train_cfg = dict(max_epochs=30, val_interval=10)
cosine = dict(_base_.param_scheduler[1], end=30)
param_scheduler = [_base_.param_scheduler[0], cosine]
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4), paramwise_cfg=None)
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=0.1,
         turns=[dict(stage='scene', iters=50), dict(stage='task', iters=100)],
         optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=5e-4)),
    dict(type='GenotypeExportHook', shape=(540, 960), retrain_as='{{fileDirname}}/deeplabv3plus-acdc.py')]
