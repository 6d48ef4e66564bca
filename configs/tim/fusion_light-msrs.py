# A test of `tim-light` on MSRS's people (`MSRS_ROOT`): python tools/test.py configs/tim/fusion_light-msrs.py tim-light
_base_ = ['../_base_/datasets/msrs_det.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py']
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'))
test_evaluator = [
    dict(type='FusionMetric', metric=['CC_visible', 'CC_infrared', 'MI', 'VIF', 'Qabf']),
    dict(type='TargetContrastMetric', stems='*D', prefix='people by day'),
    dict(type='TargetContrastMetric', stems='*N', prefix='people by night'),
]
val_evaluator = test_evaluator
