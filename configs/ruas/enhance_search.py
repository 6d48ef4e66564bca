# Cooperative search of scene module and noise removal (section 4, algorithm 1), batch 1, 20 epochs: weights on one half
# of the dark pictures, choices on the other. Ten iterations of the scene and one of the task, in turn. beta is such that
# both terms of the scene's gradient are about equally long: at 1 noise removal would have no say.
_base_ = './enhance.py'
model = dict(scene=dict(genotype=None), task=dict(genotype=None), estimation=None, denoise='always')
train_dataloader = dict(batch_size=1, dataset=dict(length=500))
train_cfg = dict(max_epochs=20, val_interval=5)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=3e-4))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=20, convert_to_iter_based=True)]
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, length=500, seed=10))
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=1000,
         turns=[dict(stage='scene', iters=10), dict(stage='task', iters=1)],
         optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)),
    dict(type='GenotypeExportHook', shape=(400, 600), retrain_as='{{fileDirname}}/enhance.py', retrain={
        'model.estimation': dict(_delete_=True, type='NoiseEstimation'), 'model.denoise': 'adaptive'})]
