# The classifier of quality, on the built-in road scenes in haze.
_base_ = ['../_base_/datasets/synthetic_haze.py', '../_base_/schedules/quality.py']
val_evaluator = dict(_delete_=True, type='QualityAccuracy')
test_evaluator = val_evaluator
