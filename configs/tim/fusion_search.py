# Search of the fusion network N_F (paper, section 4.1): 20 epochs of cells, 80 of their operators, SGD by a cosine,
# T = 20, one task an epoch in turn. For the price of latency see `fusion_search_latency-0.5.py`.
_base_ = [
    '../_base_/datasets/synthetic_fusion_tasks.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
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
        **{f'train_dataloader.dataset.datasets.{i}.length': 200 for i in range(4)},
        'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=1e-3)}),
]
