# The bundled fusion network, trained with l_F alone, stays as it is; the iterations of retinanet_ivif_demo.py.
_base_ = './retinanet_ivif_demo.py'
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
