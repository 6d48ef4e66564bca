# The average picture on MFNet, with the same segmentor and budget as resnet18_ivif-mfnet.py.
_base_ = './resnet18_ivif-mfnet.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='average'))
custom_hooks = _base_.custom_hooks[:-1]
