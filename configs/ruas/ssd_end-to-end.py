# All at once by the loss of detection alone (table 6, first row).
_base_ = './ssd.py'
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='joint')])]
