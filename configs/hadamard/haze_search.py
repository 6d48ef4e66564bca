# Search of loss and architecture on the built-in road scenes in haze: weights on one
# half, loss and choices on the other. First train `quality_haze.py`.
_base_ = [
    '../_base_/models/hadamard_supernet.py', '../_base_/datasets/synthetic_haze.py',
    '../_base_/schedules/hadamard_search.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=1, dataset=dict(length=500))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, length=500, seed=10))
search_hook = _base_.search_hook
search_hook.phases[0].losses[0].checkpoint = '{{$QUALITY:work_dirs/quality_haze/iter_2000.pth}}'
custom_hooks = [
    *_base_.custom_hooks, dict(search_hook, dataloader=search_dataloader),
    dict(_base_.export_hook, retrain=dict(_base_.export_hook.retrain, **{'train_dataloader.dataset.length': 2000})),
]
