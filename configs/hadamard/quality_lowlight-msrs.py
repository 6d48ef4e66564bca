# The classifier of quality, on darkened day pictures of MSRS (`MSRS_ROOT`), tested on LOL's (`LOL_ROOT`).
_base_ = ['../_base_/datasets/msrs_darkened.py', '../_base_/schedules/quality.py']
val_evaluator = dict(_delete_=True, type='QualityAccuracy')
test_evaluator = val_evaluator
