# The same on real pairs, RoadScene and MSRS, at 256 x 320: the displacements are parts of the sides.
_base_ = [
    '../_base_/models/tim_registration.py', '../_base_/datasets/ivif_real_fusion.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
resize = dict(type='Resize', scale=(320, 256))
train_pipeline = [
    dict(type='LoadPairFromFile'), dict(type='JointTransform', transforms=[resize, dict(type='RandomFlip', prob=0.5)]),
    dict(type='RandomDeformation'), dict(type='PackPairInputs')]
test_pipeline = [
    dict(type='LoadPairFromFile'), dict(type='JointTransform', transforms=[resize]),
    dict(type='RandomDeformation', seed=0), dict(type='PackPairInputs')]
train_dataloader = dict(batch_size=2, dataset=dict(
    datasets=[dict(_base_.roadscene, pipeline=train_pipeline), dict(_base_.msrs, pipeline=train_pipeline)]))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type='EndpointError'), dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])]
test_evaluator = [dict(type='EndpointError'), dict(type='FusionMetric')]
train_cfg = dict(val_interval=4)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
