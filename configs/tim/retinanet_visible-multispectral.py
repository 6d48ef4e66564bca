# The visible picture on MultiSpectral, with the same detector and budget as retinanet_ivif-multispectral.py.
_base_ = './retinanet_ivif-multispectral.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='visible'))
custom_hooks = _base_.custom_hooks[:-1]
