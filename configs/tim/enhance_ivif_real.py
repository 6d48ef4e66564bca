# N_F without latency constraint and N_T jointly on real pairs: how the bundled weights `tim-enhance` were made.
_base_ = [
    '../_base_/models/tim_enhancement.py', '../_base_/datasets/ivif_real_fusion.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-3), paramwise_cfg=None)
train_cfg = dict(max_epochs=30, val_interval=10)
param_scheduler = [_base_.cosine]
