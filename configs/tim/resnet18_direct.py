# The row that task guidance is measured against: the fusion network trained with l_F alone, then frozen.
_base_ = './resnet18_ivif.py'
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=1), dict(stage='task')]),
]
