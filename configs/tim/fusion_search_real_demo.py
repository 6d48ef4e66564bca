# The short form of `fusion_search_real.py`, minutes on a core: a third of the width, patches of 32 x 32, T = 4,
# 4 epochs of cells, one a task, and 8 of operators.
_base_ = './fusion_search_real.py'
model = dict(channels=16)
patch, flip = _base_.pipeline[1].transforms
pipeline = [_base_.pipeline[0], dict(type='JointTransform', transforms=[dict(patch, size=(32, 32)), flip]),
            _base_.pipeline[2]]
halves = [[dict(task, pipeline=pipeline) for task in half] for half in _base_.halves]
train_dataloader = dict(batch_size=4, dataset=dict(datasets=halves[0]))
train_cfg = dict(max_epochs=12, val_interval=12)
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=12, convert_to_iter_based=True)]
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(
    dataloader=[dict(_base_.loader, batch_size=4, dataset=task) for task in halves[1]], interval=4,
    phases=[dict(choices='type$', end=4), dict(choices='ops')])
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
