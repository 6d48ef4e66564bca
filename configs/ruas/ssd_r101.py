# ResNet-101 in the place of VGG16 (table 7).
_base_ = './ssd_r50.py'
model = dict(task=dict(backbone=dict(depth=101)))
