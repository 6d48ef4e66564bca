# The bundled fusion network, trained with l_F alone, stays as it is, on MultiSpectral; the budget of retinanet_ivif-multispectral.py.
_base_ = './retinanet_ivif-multispectral.py'
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
