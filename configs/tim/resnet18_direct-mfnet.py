# The bundled fusion network, trained with l_F alone, stays as it is, on MFNet; the budget of resnet18_ivif-mfnet.py.
_base_ = './resnet18_ivif-mfnet.py'
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
