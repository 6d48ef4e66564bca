# Search of loss and architecture on UIEB (`UIEB_ROOT`): weights on one half, loss and choices on the other. First train
# `quality_underwater-uieb.py`.
_base_ = [
    '../_base_/models/hadamard_supernet.py', '../_base_/datasets/uieb.py',
    '../_base_/schedules/hadamard_search.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=1, dataset=dict(fold=(0, 2)))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=1, dataset=dict(_base_.train_dataloader.dataset, fold=(1, 2)))
search_hook = _base_.search_hook
search_hook.phases[0].losses[0].checkpoint = '{{$QUALITY:work_dirs/quality_underwater-uieb/iter_2000.pth}}'
custom_hooks = [
    *_base_.custom_hooks, dict(search_hook, dataloader=search_dataloader),
    dict(_base_.export_hook, retrain=dict(_base_.export_hook.retrain, **{'train_dataloader.dataset.fold': None})),
]
