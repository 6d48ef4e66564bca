# Another backbone is one line: MobileNetV2 (strides 8, 16, 32).
_base_ = './retinanet_ivif.py'
model = dict(task=dict(backbone=dict(_delete_=True, type='MobileNetV2', out_indices=(2, 4, 7))))
