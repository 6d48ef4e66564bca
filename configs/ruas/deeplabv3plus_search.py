# Cooperative search of the scene module and of DeepLabV3+'s feature conversion (sections 4 and 7.2), 30 epochs.
_base_ = './deeplabv3plus.py'
model = dict(scene=dict(genotype=None), task=dict(decode_head=dict(genotype=None)))
train_dataloader = dict(batch_size=2, dataset=dict(length=1000))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=2, dataset=dict(_base_.train_dataloader.dataset, length=1000, seed=10))
train_cfg = dict(max_epochs=30, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=30, convert_to_iter_based=True)]
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4), paramwise_cfg=None)
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=0.1, interval=10,
         turns=[dict(stage='scene', iters=50), dict(stage='task', iters=100)],
         optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=5e-4)),
    dict(type='GenotypeExportHook', shape=(128, 160), retrain_as='{{fileDirname}}/deeplabv3plus.py')]
