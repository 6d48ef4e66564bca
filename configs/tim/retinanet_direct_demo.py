# The fusion network trained with l_F alone, then frozen, for the same number of iterations as retinanet_ivif_demo.py.
_base_ = './retinanet_ivif_demo.py'
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', by_epoch=False, stages=[dict(stage='scene', end=20), dict(stage='task')]),
]
