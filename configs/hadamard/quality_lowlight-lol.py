# The classifier of quality, on LOL (`LOL_ROOT`).
_base_ = ['../_base_/datasets/lol_turned.py', '../_base_/schedules/quality.py']
val_evaluator = dict(_delete_=True, type='QualityAccuracy')
test_evaluator = val_evaluator
