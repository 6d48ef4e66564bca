# The visible picture alone, for the same number of iterations as retinanet_ivif_demo.py.
_base_ = './retinanet_ivif_demo.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='visible'))
custom_hooks = _base_.custom_hooks[:-1]
