# The classifier of quality, on MIT-Adobe FiveK (`FIVEK_ROOT`).
_base_ = ['../_base_/datasets/fivek_turned.py', '../_base_/schedules/quality.py']
val_evaluator = dict(_delete_=True, type='QualityAccuracy')
test_evaluator = val_evaluator
