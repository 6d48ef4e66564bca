# The same detector on the dark pictures themselves, at the same budget.
_base_ = './retinanet-msrs-night.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='visible'))
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
