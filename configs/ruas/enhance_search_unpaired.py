# Cooperative search on a folder of dark pictures without references (`LOWLIGHT_ROOT`), one half for each level; the
# score is that of LOL's test pairs (`LOL_ROOT`). Scene module and noise removal take ten iterations each in turn, and
# beta is such that both terms of the scene's gradient are about equally long: at 1 noise removal would have no say.
_base_ = './enhance_unpaired.py'
model = dict(scene=dict(genotype=None), task=dict(genotype=None), estimation=None, denoise='always')
train_dataloader = dict(batch_size=1, dataset=dict(fold=(0, 2)))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, fold=(1, 2)))
train_cfg = dict(max_epochs=20, val_interval=20)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=3e-4))
param_scheduler = [dict(_base_.param_scheduler[0], periods=[20], restart_weights=[1], end=20)]
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='CooperativeSearchHook', dataloader=search_dataloader, beta=1000,
         turns=[dict(stage='scene', iters=10), dict(stage='task', iters=10)],
         optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=1e-3)),
    dict(type='GenotypeExportHook', shape=(400, 600), retrain_as='{{fileDirname}}/enhance_unpaired.py', retrain={
        'model.estimation': dict(_delete_=True, type='NoiseEstimation'), 'model.denoise': 'adaptive'})]
