# Search of loss and architecture on the built-in road scenes in little light: weights on one
# half, loss and choices on the other. First train `quality_lowlight.py`.
_base_ = [
    '../_base_/models/hadamard_supernet.py', '../_base_/datasets/synthetic_lowlight.py',
    '../_base_/schedules/hadamard_search.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=1, dataset=dict(length=500))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, length=500, seed=10))
custom_hooks = [
    *_base_.custom_hooks, dict(_base_.search_hook, dataloader=search_dataloader),
    dict(_base_.export_hook, retrain=dict(_base_.export_hook.retrain, **{'train_dataloader.dataset.length': 2000})),
]
