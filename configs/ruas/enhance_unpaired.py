# The same from a folder of dark pictures without references (`LOWLIGHT_ROOT`), scored on LOL's test pairs (`LOL_ROOT`).
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/lowlight_unpaired.py', '../_base_/schedules/adam_100e.py',
    '../_base_/default_runtime.py'
]
# Noise removal learns from noise of a known strength: the dark pictures at hand have little of their own.
model = dict(known_noise=True, loss=dict(supervised=True))
find_unused_parameters = True
# Each of the two stages has a schedule of its own.
train_cfg = dict(max_epochs=250)
param_scheduler = [dict(type='CosineRestartLR', periods=[100, 150], restart_weights=[1, 1], eta_min_ratio=0.01,
                        by_epoch=True, begin=0, end=250, convert_to_iter_based=True)]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=100), dict(stage='task')]),
]
