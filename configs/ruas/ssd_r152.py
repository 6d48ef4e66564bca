# ResNet-152 in the place of VGG16 (table 7).
_base_ = './ssd_end-to-end.py'
model = dict(task=dict(backbone=dict(_delete_=True, type='ResNet', depth=152, norm_eval=False),
                       bbox_head=dict(in_channels=(256, 512, 1024, 2048, 512, 256))))
