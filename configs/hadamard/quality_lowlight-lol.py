# The classifier of quality, on LOL (`LOL_ROOT`).
_base_ = ['../_base_/datasets/lol_turned.py', '../_base_/schedules/quality.py', '../_base_/default_runtime.py']
default_hooks = dict(visualization=dict(draw=False))  # a verdict is no picture
val_evaluator = dict(_delete_=True, type='QualityAccuracy')
test_evaluator = val_evaluator
