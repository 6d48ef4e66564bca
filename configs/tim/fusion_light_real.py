# N_F `light` by l_F alone on real pairs, RoadScene and MSRS: how the bundled weights `tim-light` were made.
_base_ = ['../_base_/datasets/ivif_real_fusion.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py']
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'))
# The loss counts in tens, and its gradients do.
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None, clip_grad=dict(max_norm=100))
train_cfg = dict(max_epochs=90, val_interval=30)
param_scheduler = [_base_.cosine]
