# Another backbone is one line: ResNet-18 (levels C3 to C5).
_base_ = './retinanet_ivif.py'
model = dict(task=dict(backbone=dict(_delete_=True, type='ResNet', depth=18, norm_eval=False, out_indices=(1, 2, 3))))
