# The row that task guidance is measured against: the bundled fusion network, trained with l_F alone, stays as it is.
_base_ = './retinanet_ivif.py'
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
