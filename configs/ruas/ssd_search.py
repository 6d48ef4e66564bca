# Cooperative search of the scene module and of SSD's neck and head (sections 4 and 7.1): 30 epochs, batch 1. The
# backbone is as it is, and trains along. The supernet has about 100 M weights beside the backbone.
_base_ = './ssd_end-to-end.py'
model = dict(scene=dict(genotype=None), task=dict(neck=dict(genotype=None), bbox_head=dict(genotype=None)))
train_dataloader = dict(batch_size=1, dataset=dict(length=1000))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, length=1000, seed=10))
train_cfg = dict(max_epochs=30, val_interval=10)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4), paramwise_cfg=None)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, end=30, convert_to_iter_based=True)]
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=0.1, interval=10,
         turns=[dict(stage='scene', iters=50), dict(stage='task', iters=100)],
         optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=5e-4)),
    dict(type='GenotypeExportHook', shape=(128, 160), retrain_as='{{fileDirname}}/ssd_end-to-end.py')]
