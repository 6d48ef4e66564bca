# Search of the fusion network N_F (paper, section 4.1) on the built-in tasks. For the price of latency see
# `fusion_search_latency-0.5.py`.
_base_ = [
    '../_base_/datasets/synthetic_fusion_tasks.py', '../_base_/schedules/fusion_search.py', '../_base_/default_runtime.py'
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(_base_.search_hook, dataloader=_base_.search_dataloader),
    # What is found trains on all pairs.
    dict(type='GenotypeExportHook', shape=(448, 620), retrain={
        **{f'train_dataloader.dataset.datasets.{i}.length': 200 for i in range(4)},
        'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=1e-3)}),
]
