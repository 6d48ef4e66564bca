# The same from a folder of dark images without references (`LOWLIGHT_ROOT`), scored on LOL's test pairs (`LOL_ROOT`).
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/lowlight_unpaired.py', '../_base_/schedules/adam_100e.py',
    '../_base_/default_runtime.py'
]
# Noise removal learns from noise of a known strength: its dark images have little of their own.
model = dict(known_noise=True, loss=dict(supervised=True))
find_unused_parameters = True
# Each of the two stages has a schedule of its own.
train_cfg = dict(max_epochs=250)
param_scheduler = [dict(type='CosineRestartLR', periods=[100, 150], restart_weights=[1, 1], eta_min_ratio=0.01,
                        by_epoch=True, begin=0, convert_to_iter_based=True)]
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=100, final_stage='task'))
search = dict(weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)), val_interval=20, task_iters=10, lr=3e-3,
              eta_min_ratio=0.01)  # for enhance_search.py
