# N_F `light` by l_F alone on real pairs, RoadScene and MSRS: how the bundled weights `tim-light` were made.
_base_ = ['../_base_/datasets/ivif_real_fusion.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py']
# Sensors that are darker, brighter and noisier than those of the two sets: other cameras' are, TNO's for one.
spoil = [dict(type='SensorFailure', sensor=sensor, failure=failure, amount=amount, prob=0.5)
         for sensor in ('visible', 'infrared') for failure, amount in (('gain', (0.4, 1.3)), ('noise', (0.005, 0.05)))]
pipeline = [*_base_.load, dict(type='JointTransform', transforms=[_base_.patch, _base_.flip]), *spoil, _base_.pack]
roadscene, msrs = (dict(part, pipeline=pipeline) for part in (_base_.roadscene, _base_.msrs))
train_dataloader = dict(dataset=dict(datasets=[roadscene, msrs]))
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(
    type='FusionLoss', source_weights=(0.6, 1.2), contrast_share=2.0, gradient_weight=300.0))
# The loss counts in tens, and its gradients do.
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None, clip_grad=dict(max_norm=300))
train_cfg = dict(max_epochs=90, val_interval=30)
param_scheduler = [_base_.cosine]
