# Fusion of pairs out of register (section 5.1.2): N_R and N_F jointly, on the built-in scenes with random deformations.
_base_ = [
    '../_base_/models/tim_registration.py', '../_base_/datasets/synthetic_ivif_fusion.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.5)]),
    dict(type='RandomDeformation'), dict(type='PackPairInputs')]))
# The same deformation of a scene at every validation.
test_pipeline = [dict(type='RandomDeformation', seed=0), dict(type='PackPairInputs')]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = [dict(type='EndpointError'), dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])]
test_evaluator = [dict(type='EndpointError'), dict(type='FusionMetric')]
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None)
