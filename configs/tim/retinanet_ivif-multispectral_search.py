# Search of the neck on MultiSpectral (section 4.3.1): batch 1, 120 epochs of which 40 train the fusion alone, the
# choices by 3e-4. The cells have GroupNorm, for batch 1. What is found trains 160 000 iterations of two on all pairs.
_base_ = './retinanet_ivif-multispectral.py'
model = dict(scene=dict(init_cfg=None), task=dict(neck=dict(
    _delete_=True, type='mmfusenas.FeatureDistillationNeck', out_channels=64, channels=64, num_outs=4,
    norm_cfg=dict(type='GN', num_groups=8))))
train_dataloader = dict(batch_size=1, dataset=dict(every_nth=(0, 2)))
search_dataloader = dict(_base_.train_dataloader, batch_size=1, dataset=dict(
    _base_.train_dataloader.dataset, every_nth=(1, 2)))
optim_wrapper = dict(
    optimizer=dict(lr=2e-3),
    paramwise_cfg=dict(custom_keys={'scene': dict(lr_mult=0.4)}))  # it begins from scratch
train_cfg = dict(max_epochs=120, val_interval=20)
param_scheduler = [
    _base_.warmup,
    dict(type='CosineAnnealingLR', eta_min=1e-8, by_epoch=True, begin=0, convert_to_iter_based=True)]
default_hooks = dict(
    guidance=dict(scene_length=40, task_length=0),
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=20,
                optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=(256, 320), retrain={
        'train_dataloader.dataset.every_nth': None, 'train_dataloader.batch_size': 2, 'train_cfg.max_epochs': 125}))
