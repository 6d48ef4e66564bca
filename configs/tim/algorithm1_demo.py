# Algorithm 1, lines 14-16, on the built-in scenes, as `algorithm1.py` does it on MSRS:
#     RECIPE=./algorithm1_demo.py python tools/train.py configs/tim/algorithm1_neck_search.py
_base_ = [
    '../_base_/datasets/synthetic_ivif_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_2k.py'
]
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_iters=800)
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=50, task_length=350, by_epoch=False))
# In a test also the image that the detector saw: how much of both sensors is in it.
test_evaluator = [
    _base_.test_evaluator,
    dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf'], convention='cddfuse'),
]
