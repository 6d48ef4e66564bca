# The infrared picture alone, with the same segmentor and budget.
_base_ = './resnet18_ivif.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='infrared'))
custom_hooks = _base_.custom_hooks[:-1]
