# The same with EfficientNet-Lite0, whose weights from ImageNet help where the images to train on are few.
_base_ = './resnet18_ivif-msrs.py'
model = dict(task=dict(
    backbone=dict(_delete_=True, type='mmfusenas.EfficientNetLite', pretrained=True),
    decode_head=dict(in_index=[0, 1, 2])))
