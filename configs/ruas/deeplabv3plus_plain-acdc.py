# The same segmentor on ACDC's dark pictures themselves, at the same budget.
_base_ = './deeplabv3plus-acdc.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='visible'))
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
