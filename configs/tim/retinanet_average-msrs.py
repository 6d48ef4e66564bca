# The average picture on MSRS, with the same detector and budget as retinanet_ivif-msrs.py.
_base_ = './retinanet_ivif-msrs.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='average'))
custom_hooks = _base_.custom_hooks[:-1]
