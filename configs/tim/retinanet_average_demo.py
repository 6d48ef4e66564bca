# The fixed mean of the two pictures, for the same number of iterations as retinanet_ivif_demo.py.
_base_ = './retinanet_ivif_demo.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='average'))
custom_hooks = _base_.custom_hooks[:-1]
