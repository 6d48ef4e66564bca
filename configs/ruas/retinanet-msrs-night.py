# RUAS in front of a RetinaNet, on what MSRS's visible camera sees at night (`MSRS_ROOT`); half size, for a CPU. A hundred
# images are few: both begin from weights, the scene module from the bundled one, which was trained without labels.
_base_ = [
    '../_base_/datasets/msrs_night_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
model = dict(
    eta=0.0, norm_eval=False,
    scene=dict(_delete_=True, type='RUASScene', genotype='ruas-scene', update='additive', exposure=0.25,
               loss=dict(type='RTVSceneLoss'),
               init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://ruas-lowlight', prefix='scene.')),
    task=dict(backbone=dict(frozen_stages=-1), bbox_head=dict(num_classes=3)))
train_cfg = dict(max_epochs=40, val_interval=10)
default_hooks = dict(guidance=dict(type='TaskGuidanceHook'))
