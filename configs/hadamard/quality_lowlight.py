# The classifier of quality, on the built-in road scenes in little light.
_base_ = ['../_base_/datasets/synthetic_lowlight.py', '../_base_/schedules/quality.py', '../_base_/default_runtime.py']
default_hooks = dict(visualization=dict(draw=False))  # a verdict is no picture
val_evaluator = dict(_delete_=True, type='QualityAccuracy')
test_evaluator = val_evaluator
