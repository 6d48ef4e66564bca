# Search of the parallel N_T (paper, section 4.2): two successive cells of two operators a branch, on the searched N_F.
_base_ = [
    '../_base_/models/tim_enhancement.py', '../_base_/datasets/ivif_real_fusion.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(enhancement=dict(genotype=None))
all_pairs = [_base_.roadscene, _base_.msrs]
weights, choices = ([dict(part, every_nth=(k, 2)) for part in all_pairs] for k in (0, 1))
train_dataloader = dict(dataset=dict(datasets=weights))
search_dataloader = dict(_base_.train_dataloader, dataset=dict(type='ConcatDataset', datasets=choices))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=1e-3, momentum=0.9, weight_decay=3e-4), paramwise_cfg=None)
train_cfg = dict(max_epochs=100, val_interval=20)
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, begin=0, convert_to_iter_based=True)]
default_hooks = dict(
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=20,
                optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=1e-3)),
    # What is found trains on all pairs, by Adam.
    export=dict(type='GenotypeExportHook', shape=(448, 620), retrain={
        'train_dataloader.dataset.datasets': all_pairs,
        'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=1e-4)}))
