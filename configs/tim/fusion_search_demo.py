# The short form of `fusion_search.py`, minutes on a core: a third of the width, patches of 32 x 32, T = 4, 4 epochs of
# cells, one a task, and 8 of operators. DATA is as there, and real_fusion_tasks where it is not set.
_base_ = ['../_base_/datasets/{{$DATA:real_fusion_tasks}}.py', '../_base_/schedules/fusion_search.py']
model = dict(channels=16)
patch = dict(_base_.patch, size=(32, 32))
pipeline = [*_base_.load, dict(type='JointTransform', transforms=[patch, _base_.flip]), _base_.pack]
weights, choices, all_pairs = (
    [dict(task, pipeline=pipeline) for task in part]
    for part in (_base_.halves.weights, _base_.halves.choices, _base_.all_pairs))
train_dataloader = dict(batch_size=4, dataset=dict(datasets=weights))
train_cfg = dict(max_epochs=12, val_interval=12)
default_hooks = dict(
    search=dict(dataloader=[dict(_base_.loader, batch_size=4, dataset=task) for task in choices],
                interval=4, phases=dict(cells=dict(end=4))),
    export=dict(retrain={'train_dataloader.dataset.datasets': all_pairs}))
