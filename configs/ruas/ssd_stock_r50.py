# The baseline of table 7 with ResNet-50: 3 x 3 convolutions, on the dark pictures.
_base_ = './ssd_stock.py'
model = dict(task=dict(backbone=dict(_delete_=True, type='ResNet', depth=50, norm_eval=False),
                       bbox_head=dict(in_channels=(256, 512, 1024, 2048, 512, 256))))
