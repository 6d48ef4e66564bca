# Fusion of MRI and PET with the published N_F and N_T (section 5.1.3), 100 epochs. N_T's first image is the MRI.
_base_ = [
    '../_base_/models/tim_enhancement.py', '../_base_/datasets/harvard_fusion.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(
    enhancement=dict(genotype='tim-mri-pet', merge='concat'),
    order=('infrared', 'visible'))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-4), paramwise_cfg=None)
train_cfg = dict(max_epochs=100, val_interval=10)
param_scheduler = [_base_.cosine]
