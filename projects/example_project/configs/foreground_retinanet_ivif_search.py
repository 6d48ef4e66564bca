# The stock search with an operator from outside among the candidates, and with the backbone and detector from outside.
_base_ = '../../../configs/tim/retinanet_ivif_search.py'
custom_imports = dict(imports=['example_project'])
model = dict(
    scene=dict(operators=['rb_3', 'dc_3', 'ca_3', 'gc_3', 'gc_5']),
    task=dict(
        type='ForegroundRetinaNet',
        backbone=dict(_delete_=True, type='mmfusenas.SeparableNet'),
        neck=dict(operators=['conv_3', 'dil_3', 'res_3', 'gc_3', 'skip'])))
