# Any stock mmdet config is wrapped by inheritance: here mmdet's own RetinaNet-R50 with its data set replaced.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py', '../_base_/datasets/synthetic_ivif_det.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
task = _base_.model
task.update(_scope_='mmdet')
# From scratch, where nothing may be frozen. With a file of weights: init_cfg=dict(type='Pretrained', checkpoint=FILE)
# alone, as mmdet has the rest.
task.backbone.update(init_cfg=None, frozen_stages=-1, norm_eval=False)
task.bbox_head.num_classes = 5
model = dict(
    _delete_=True,
    type='TaskGuidedDetector',
    eta=0.1,
    norm_eval=True,
    scene=dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss')),
    task=task)
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=1))
# What a stage leaves out is not in the graph, which several processes have to know.
find_unused_parameters = True
