# Pretext meta-initialisation of N_F (paper, section 3.3): K = 4 Adam steps of 1e-3, then one of 1e-4.
_base_ = '../default_runtime.py'
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss', form='information'))
train_cfg = dict(type='MetaInitLoop', max_iters=1000, val_interval=200, steps=4)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4), clip_grad=dict(max_norm=10))
param_scheduler = []
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=100))
log_processor = dict(by_epoch=False)
