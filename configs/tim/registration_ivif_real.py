# The same on real pairs, RoadScene and MSRS, at 256 x 320: N_R, from registration_average_real.py, and N_F jointly.
_base_ = [
    '../_base_/models/tim_registration.py', '../_base_/datasets/ivif_real_deformed.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(registration=dict(init_cfg=dict(checkpoint='work_dirs/registration_average_real/epoch_16.pth')))
train_cfg = dict(max_epochs=6, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None)
