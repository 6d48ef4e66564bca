# Another backbone is one line: ResNet-50 (levels C3 to C5).
_base_ = './retinanet_ivif.py'
model = dict(task=dict(backbone=dict(_delete_=True, type='ResNet', depth=50, norm_eval=False, out_indices=(1, 2, 3))))
