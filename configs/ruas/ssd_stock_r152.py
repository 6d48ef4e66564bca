# The baseline of table 7 with ResNet-152: 3 x 3 convolutions, on the dark pictures.
_base_ = './ssd_stock_r50.py'
model = dict(task=dict(backbone=dict(depth=152)))
