# The same on the dark pictures of MIT-Adobe FiveK (`FIVEK_ROOT`), whose references are for the score alone.
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/fivek.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-3), paramwise_cfg=None)
train_cfg = dict(max_epochs=100, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, end=100,
                        convert_to_iter_based=True)]
find_unused_parameters = True
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=50), dict(stage='task')]),
]
