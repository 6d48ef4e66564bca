# The same on the paper's tasks: infrared and visible, MRI and CT, PET and SPECT.
_base_ = [
    '../_base_/datasets/real_fusion_tasks.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(type='TIMFusion', genotype=None, loss=dict(type='FusionLoss'))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=1e-3, momentum=0.9, weight_decay=3e-4), paramwise_cfg=None)
train_cfg = dict(max_epochs=100, val_interval=20)
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=100, convert_to_iter_based=True)]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='BilevelSearchHook', dataloader=_base_.search_dataloader, interval=20,
         phases=[dict(choices='type$', end=20), dict(choices='ops')],
         optimizer=dict(type='Adam', lr=5e-2, betas=(0.5, 0.999), weight_decay=1e-3)),
    # What is found trains on all pairs.
    dict(type='GenotypeExportHook', shape=(448, 620), retrain={
        **{f'train_dataloader.dataset.datasets.{i}.fold': None for i in range(4)},
        'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=1e-3)}),
]
