# The fixed mean of the two pictures (table 4: "simple average principle"), with the same detector and budget.
_base_ = './retinanet_ivif.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='average'))
custom_hooks = _base_.custom_hooks[:-1]
