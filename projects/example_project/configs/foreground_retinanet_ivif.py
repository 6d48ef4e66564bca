# The stock TIM config with a backbone and a detector from outside the package.
_base_ = '../../../configs/tim/retinanet_ivif.py'
custom_imports = dict(imports=['example_project'])
model = dict(task=dict(
    type='ForegroundRetinaNet',  # registered in mmdet, the scope of this dict
    backbone=dict(_delete_=True, type='mmfusenas.SeparableNet')))  # registered in mmfusenas, so named with its scope
