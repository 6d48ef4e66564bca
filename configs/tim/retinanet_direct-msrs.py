# The fusion network trained with l_F alone, then frozen, on MSRS; the budget of retinanet_ivif-msrs.py.
_base_ = './retinanet_ivif-msrs.py'
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=2), dict(stage='task')]),
]
