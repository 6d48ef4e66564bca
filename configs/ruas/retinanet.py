# Beyond the paper: RUAS's scene module in front of TIM's light RetinaNet, on the built-in scenes in little light.
_base_ = [
    '../_base_/datasets/synthetic_lowlight_det.py', '../_base_/models/tim_retinanet.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(eta=0.0, norm_eval=False, scene=dict(
    _delete_=True, type='RUASScene', genotype='ruas-scene-det', warm_start='feature', loss=dict(type='RTVSceneLoss')))
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=2))
