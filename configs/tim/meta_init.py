# Pretext meta-initialisation of N_F (paper, section 3.3): four tasks, K = 4 Adam steps of 1e-3, then one of 1e-4.
_base_ = [
    '../_base_/datasets/synthetic_fusion_tasks.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss', form='information'))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-4), paramwise_cfg=None)
train_cfg = dict(_delete_=True, type='MetaInitLoop', max_iters=1000, val_interval=200, steps=4)
param_scheduler = []
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=100))
log_processor = dict(by_epoch=False)
