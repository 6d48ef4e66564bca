# The bundled fusion network, trained with l_F alone, stays as it is, on MSRS; the budget of retinanet_ivif-msrs.py.
_base_ = './retinanet_ivif-msrs.py'
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
