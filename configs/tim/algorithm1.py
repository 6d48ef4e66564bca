# Algorithm 1, lines 14-16: task-guided training on MSRS. The fusion network adapts to the pairs by l_F, the detector
# learns to see its pictures, then both go on together. This is of the published network and an FPN;
# `algorithm1_neck_search.py` leaves a config that trains what was found in the same way.
_base_ = './retinanet_ivif-msrs.py'
train_cfg = dict(max_iters=800)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=800)]
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='TaskGuidanceHook', by_epoch=False,
         stages=[dict(stage='scene', end=50), dict(stage='task', end=400), dict(stage='joint')]),
]
